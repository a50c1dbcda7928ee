/** The routes of passkeys. What a browser answers to options goes back as it is; the server checks it. */
import type { Given, Passkey } from "@huisclos/ui-kit";
import type { Me, request as Request } from "./index.ts";

const id = encodeURIComponent;

export const passkeyCalls = (request: typeof Request, me: () => Promise<Me>) => ({
  passkeyOptions: async () => (await request<{ options: unknown }>("POST", "/api/passkey/login/begin", {})).options,
  passkeyLogin: async (credential: object, email?: string): Promise<{ me: Me; recoveryLeft: number | null }> => {
    await request("POST", "/api/passkey/login/finish", { credential, ...(email ? { email } : {}) });
    return { me: await me(), recoveryLeft: null };
  },
  proofOptions: async () => (await request<{ options: unknown }>("POST", "/api/proof/passkey/begin", {})).options,
  beginPasskey: async (given: Given) => (await request<{ options: unknown }>("POST", "/api/account/passkeys/begin", given)).options,
  addPasskey: (name: string, credential: object) => request<{ passkey: Passkey; recovery: string[] }>("POST", "/api/account/passkeys", { name, credential }),
  renamePasskey: (passkey: string, name: string) => request<void>("PATCH", `/api/account/passkeys/${id(passkey)}`, { name }),
  removePasskey: (passkey: string, given: Given) => request<void>("DELETE", `/api/account/passkeys/${id(passkey)}`, given),
});
