/** What the console asks about updates. Bringing one in, and installing it, take a recent proof. */
import { withProof } from "@huisclos/ui-kit";
import { request } from "../../meeting-ui/src/api/index.ts";

export interface UpdateFile {
  name: string; size: number; version?: string; architecture?: string; database?: number; made?: string; sha256?: string; key?: string; keyName?: string; fr?: string; en?: string;
  migrates?: boolean; refused?: string; refusedFr?: string; refusedEn?: string;
}
export interface Past { act: "apply" | "rollback"; result: "applied" | "rolled-back" | "refused" | "stuck"; from: string; to: string; reason?: string; fr?: string; en?: string; detail?: string; data?: boolean; ended: string; stopped: number }
export interface UpdatesState {
  version: string; architecture: string; database: number; console: boolean; calls: number; people: number; keys: { name: string; id: string }[]; keysWrong?: string; source: string; sourceWrong?: string;
  waiting?: UpdateFile; found: UpdateFile[]; asked?: { act: "apply" | "rollback"; version: string; at: string };
  former?: { version: string; database: number; kept: string; until: string; needsData: boolean }; past: Past[];
}

const path = "/api/admin/updates";

export const updates = {
  state: () => request<UpdatesState>("GET", path),
  bring: (file: File) => withProof(() => request<UpdatesState>("POST", `${path}/file`, file)),
  fetch: (name: string) => withProof(() => request<UpdatesState>("POST", `${path}/source`, { name })),
  drop: () => request<UpdatesState>("DELETE", `${path}/file`),
  apply: (sha256: string) => withProof(() => request<UpdatesState>("POST", `${path}/apply`, { sha256 })),
  rollback: (data: boolean) => withProof(() => request<UpdatesState>("POST", `${path}/rollback`, { data })),
};
