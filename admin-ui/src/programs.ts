/** What the console asks about access for programs: tokens of the API, and webhooks. */
import { withProof } from "@huisclos/ui-kit";
import { request } from "../../meeting-ui/src/api/index.ts";

/** A token of the API, without the token. by: name of who made it, "" when that account is gone. */
export interface Program { id: string; name: string; scopes: string[]; networks: string[]; by: string; created: string; expires: string; expired: boolean; used?: string; from?: string }
export interface Programs { url: string; description: string; scopes: string[]; most: number; days: number; mostDays: number; tokens: Program[] }
export interface ProgramWish { name: string; scopes: string[]; networks: string[]; days: number }
/** failed: turned off because it failed for days; failing: since when; former: until when the secret before signs too. */
export interface Webhook {
  id: string; name: string; url: string; events: string[]; authority?: string; created: string; off: boolean; failed: boolean;
  failing?: string; good?: string; waiting: number; lost: number; former?: string;
}
export interface Webhooks { webhooks: Webhook[]; events: string[]; most: number }
export interface WebhookWish { name: string; url: string; events: string[]; authority: string; off: boolean }
export type Outcome = "delivered" | "unreachable" | "untrusted" | "silent" | "redirected" | "answered" | "unreadable";
export interface Delivery { event: string; kind: string; at: string; outcome: Outcome; status?: number; took: number; try: number; next?: string; givenUp?: boolean }

const at = (hook: string, rest = "") => `/api/admin/webhooks/${encodeURIComponent(hook)}${rest}`;

export const programs = {
  tokens: () => request<Programs>("GET", "/api/admin/programs"),
  makeToken: (o: ProgramWish) => withProof(() => request<{ program: Program; token: string }>("POST", "/api/admin/programs", o)),
  revokeToken: (id: string) => request<void>("DELETE", `/api/admin/programs/${encodeURIComponent(id)}`),
  webhooks: () => request<Webhooks>("GET", "/api/admin/webhooks"),
  makeWebhook: (o: WebhookWish) => withProof(() => request<{ webhook: Webhook; secret: string }>("POST", "/api/admin/webhooks", o)),
  changeWebhook: (hook: string, o: WebhookWish) => withProof(() => request<{ webhook: Webhook }>("PATCH", at(hook), o)),
  deleteWebhook: (hook: string) => request<void>("DELETE", at(hook)),
  newSecret: (hook: string) => withProof(() => request<{ webhook: Webhook; secret: string }>("POST", at(hook, "/secret"), {})),
  testWebhook: (hook: string) => request<{ delivery: Delivery }>("POST", at(hook, "/test"), {}),
  deliveries: (hook: string) => request<{ deliveries: Delivery[] }>("GET", at(hook, "/deliveries")),
};
