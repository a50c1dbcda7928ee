/** What the console asks about backups. */
import { withProof } from "@huisclos/ui-kit";
import { download, request } from "../../meeting-ui/src/api/index.ts";

/** keys: ids of the public keys for which it is; part: "" for all of the appliance. */
export interface BackupFile { name: string; at: string; size: number; keys: string[]; version?: string; part?: string }
export interface Backups {
  on: boolean; running: boolean; written: number; whole: number;
  good?: string; size?: number; next?: string; copied?: string; failed?: string; reason?: string; detail?: string;
  folder: string; target: "folder" | "sftp" | "s3"; host?: string; keys: string[]; backups: BackupFile[] | null;
}
export interface Compared { name: string; size: number; sha256: string; recorded?: string; result: "same" | "altered" | "unrecorded" }

const path = "/api/admin/backups";

export const backups = {
  list: () => request<Backups>("GET", path),
  begin: () => request<unknown>("POST", path, {}),
  compare: (name: string) => request<Compared>("POST", `${path}/${encodeURIComponent(name)}/compare`, {}),
  take: (name: string) => withProof(() => download(`${path}/${encodeURIComponent(name)}`)),
};
