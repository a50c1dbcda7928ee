/** What is sealed by which mechanism right now. */
import { request } from "../../meeting-ui/src/api/index.ts";

export type Level = "green" | "attention" | "red" | "unknown";
export type Area = "process" | "kernel" | "links" | "media" | "secrets" | "records" | "build";
interface Both { fr: string; en: string }
export interface PostureLine { name: string; area: Area; level: Level; detail: Both; why: Both; do: Both; counts?: { name: string; n: number }[]; section?: string }
export interface Posture { at: string; since: string; worst: Level; count: Record<Level, number>; lines: PostureLine[] }

export const posture = () => request<Posture>("GET", "/api/admin/posture");
export const billAddress = "/api/admin/sbom";
