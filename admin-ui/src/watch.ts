/** How the appliance is doing: questions about series, usage and the token of the metrics, and their answers. */
import { withProof } from "@huisclos/ui-kit";
import { request } from "../../meeting-ui/src/api/index.ts";

/** One thing that somebody should look after; its sentence is words/watch.ts's. number: days, octets, a part of 1, seconds or how many. */
export interface Attention { code: string; grave: boolean; number?: number; what?: string[]; since?: string; fr?: string; en?: string }

export type Span = "hour" | "day" | "week" | "month" | "year";
interface Measure { mean: (number | null)[]; most: (number | null)[] }
export type MeasureName = "calls" | "people" | "sent" | "received" | "forwarded" | "refused" | "cpu" | "memory" | "load";
export interface Series { step: number; from: string; to: string; times: number[]; values: Record<MeasureName, Measure> }

export interface Day { date: string; calls: number; people: number; minutes: number; most: number; sizes: number[] }
export interface GroupUsage { group: string; name: string; people: number; minutes: number; days: number }
export interface Usage { days: Day[]; sizes: number[]; groups: GroupUsage[]; floor: number }

export const watch = {
  series: (span: Span) => request<Series>("GET", `/api/admin/series?span=${span}`),
  usage: (from: string, to: string) => request<Usage>("GET", `/api/admin/statistics?from=${from}&to=${to}`),
  token: () => request<{ made: string | null; address: string }>("GET", "/api/admin/metrics-token"),
  makeToken: () => withProof(() => request<{ token: string }>("POST", "/api/admin/metrics-token", {})),
  revokeToken: () => withProof(() => request<void>("DELETE", "/api/admin/metrics-token")),
};
