/** What people use now of what they may. */
import { useState } from "preact/hooks";
import { Badge, count, Skeleton, Table, type Column } from "@huisclos/ui-kit";
import { admin, type ApiError } from "../api.ts";
import { asApiError, useEvery } from "../session.ts";
import type { Settings } from "../settings-api.ts";
import { settingName, settingsWords } from "../words/settings.ts";
import { Failed } from "./errors.tsx";

type InUse = Awaited<ReturnType<typeof admin.limits>>;
type One = InUse["limits"][number];

/** Without a limit they go by people's connections. Near the limit is at the limit: the machine keeps a little below it. */
const rates = new Set(["limits.call_mbps", "limits.person_kbps"]);
const reached = (l: One) => l.used >= (rates.has(l.setting) ? 0.8 * l.most : l.most);

/** of: the settings; when they change the limits are asked for again. */
export function LimitsInUse({ of }: { of: Settings }) {
  const t = settingsWords.value.used;
  const [all, setAll] = useState<InUse | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const load = () => admin.limits().then((l) => { setAll(l); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEvery(10_000, load, [of]);
  const columns: Column<One>[] = [
    { id: "what", name: t.what, cell: (l) => settingName(l.setting) },
    { id: "now", name: t.now, cell: (l) => <span class="any"><b class="figures">{count(l.used)}</b> <span class="muted small">{t.by[l.setting]}</span></span> },
    { id: "most", name: t.most, cell: (l) => l.most === 0 ? <span class="muted">{rates.has(l.setting) ? t.line : t.free}</span> : <span class="row"><span class="figures">{count(l.most)}</span>{reached(l) && <Badge tone="attention">{t.reached}</Badge>}</span> },
  ];
  return (
    <div class="card stack">
      <h2 class="part-title part-title--tight">{t.title}</h2>
      {!all ? failed ? <Failed error={failed} onRetry={() => void load()} /> : <Skeleton lines={4} /> : <><Table caption={t.title} columns={columns} rows={all.limits} rowKey={(l) => l.setting} /><p class="muted small">{t.rooms(all.rooms)}</p></>}
    </div>
  );
}
