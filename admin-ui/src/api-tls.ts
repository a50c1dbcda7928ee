/** What the console asks about the certificate. */
import { withProof } from "@huisclos/ui-kit";
import { request } from "../../meeting-ui/src/api/index.ts";
import type { Mode } from "./words/tls.ts";

export interface Remark { code: string; fr: string; en: string }
export interface Facts {
  selfSigned: boolean; subject: string; issuer: string; names: string[]; begins: string; ends: string; fingerprint: string; key: string;
  chain: { subject: string; issuer: string; ends: string }[]; remarks: Remark[];
}
export interface CertificateRequest { id: string; made: string; names: string[]; key: string; pem: string }
export interface Acme { ordering: boolean; got?: string; tried?: string; failures: number; next?: string; renewAt?: string; failure?: { kind: string; fr: string; en: string; detail?: string } }
export interface TlsState { mode: Mode; names: string[]; serves: Facts; stored?: Facts; requests: CertificateRequest[]; port80: boolean; strict: boolean; acme: Acme }
/** What a certificate would be, or is once it was imported. */
export interface Examined { certificate: Facts; reordered: boolean; dropped: number; answersRequest: boolean }
export interface Authority { terms: string; website: string; externalAccount: boolean }
export interface Files { files: string[]; passphrase: string }

const path = "/api/admin/tls";

export const tls = {
  state: () => request<TlsState>("GET", path),
  examine: (o: Files) => request<Examined>("POST", `${path}/certificate`, { ...o, try: true }),
  importFiles: (o: Files) => withProof(() => request<Examined>("POST", `${path}/certificate`, { ...o, try: false })),
  ask: (o: { organisation: string; country: string; p384: boolean }) => withProof(() => request<CertificateRequest>("POST", `${path}/requests`, o)),
  withdraw: (request_: string) => withProof(() => request<void>("DELETE", `${path}/requests/${encodeURIComponent(request_)}`)),
  look: (o: { directory: string; ca: string }) => withProof(() => request<Authority>("POST", `${path}/authority`, o)),
  order: () => withProof(() => request<void>("POST", `${path}/order`, {})),
};

/** A file in base64, as the API takes it. */
export async function encoded(file: File): Promise<string> {
  let text = "";
  for (const octet of new Uint8Array(await file.arrayBuffer())) text += String.fromCharCode(octet);
  return btoa(text);
}
