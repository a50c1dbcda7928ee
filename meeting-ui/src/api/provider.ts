/** The routes of signing in with the organisation's provider. What it sent back goes to the server as it is. */
import type { Kinds } from "@huisclos/ui-kit";
import type { Me, request as Request } from "./index.ts";

/** How far somebody is who came back: signed in, proven, or before their second factor. */
export type Arrived = { me: Me; recoveryLeft: number | null } | { proved: true } | { second: Kinds & { email: string; purpose: "signIn" | "prove" } };

interface Answer { proved?: true; second?: Kinds & { email: string; purpose: "signIn" | "prove" }; recoveryLeft?: number }

export const providerCalls = (request: typeof Request, me: () => Promise<Me>) => {
  const arrived = async (a: Answer): Promise<Arrived> =>
    a.second ? { second: a.second } : a.proved ? { proved: true } : { me: await me(), recoveryLeft: a.recoveryLeft ?? null };
  return {
    providerStart: (purpose: "signIn" | "prove") => request<{ url: string; state: string }>("POST", "/api/oidc/start", { purpose }),
    providerFinish: async (query: string) => arrived(await request<Answer>("POST", "/api/oidc/finish", { query })),
    providerFactor: async (state: string, given: { code: string } | { passkey: object }) => arrived(await request<Answer>("POST", "/api/oidc/factor", { state, ...given })),
  };
};
