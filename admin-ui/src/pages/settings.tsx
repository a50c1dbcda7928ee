/** The settings of the appliance, by what they are about; each says who fixes it, and how to undo. */
import { useState } from "preact/hooks";
import { Badge, Empty, LinkButton, Skeleton, Table, Tabs, type Column } from "@huisclos/ui-kit";
import { NeedsRestart, SaveBar } from "../settings/bar.tsx";
import { Trial } from "../settings/check.tsx";
import { useDrafts, type Drafts } from "../settings/drafts.ts";
import { SettingField } from "../settings/field.tsx";
import { shown } from "../settings/value.ts";
import type { Setting } from "../settings-api.ts";
import { base } from "../route.ts";
import { Head } from "../shell.tsx";
import { settingName, settingsWords } from "../words/settings.ts";
import { Failed } from "./errors.tsx";
import { LimitsInUse } from "./limits.tsx";
import { SettingsHistory } from "./settings-history.tsx";

export const ofNames = ["name", "hostnames", "public_addresses", "addresses", "trusted_proxies"], ofMail = ["mail.host", "mail.security", "mail.port", "mail.from", "mail.user", "mail.password"];
const moreOfMail = ["mail.language", "mail.helo", "mail.ca"];
const ofDirectory = ["directory.url", "directory.base", "directory.bind_dn", "directory.bind_password", "directory.default_role"], ofProvider = ["oidc.issuer", "oidc.preset", "oidc.client_id", "oidc.client_secret", "oidc.name", "oidc.default_role"];
const ofLimits = ["limits.calls", "limits.people", "limits.rooms", "limits.sessions", "limits.call_mbps", "limits.person_kbps", "calls.history_days"];
const ofAccounts = ["accounts.deletion_days", "log.level", "log.addresses"], ofSyslog = ["audit.syslog.address", "audit.syslog.format", "audit.syslog.ca"];

const parts = ["names", "mail", "sources", "accounts", "limits", "syslog", "all", "history"] as const;
type Part = (typeof parts)[number];
const asked = (): Part => parts.find((p) => `#${p}` === location.hash) ?? "names";

export function SettingsPage() {
  const t = settingsWords.value, d = useDrafts();
  const [part, setPart] = useState<Part>(asked);
  if (!d.all) return <><Head title={t.title} />{d.failed ? <Failed error={d.failed} onRetry={() => void d.load()} /> : <Skeleton lines={6} />}</>;
  const show = (p: Part) => { history.replaceState(null, "", `#${p}`); setPart(p); };
  const unsaved = d.changed.length > 0;
  return (
    <>
      <Head title={t.title}><LinkButton href={`${base}/setup`}>{t.setup}</LinkButton></Head>
      <p class="muted lead">{t.lead}</p>
      <div class="settings stack stack--loose">
        <NeedsRestart d={d} />
        <Tabs label={t.partsName} value={part} tabs={parts.map((p) => ({ value: p, label: t.parts[p] }))} onChange={show}>
          {part === "names" && <Fields names={[...ofNames, "listen", "media_port"]} d={d} />}
          {part === "mail" && <div class="stack stack--loose"><Fields names={ofMail} d={d} /><More names={moreOfMail} d={d} /><Trial what="mail" unsaved={unsaved} /></div>}
          {part === "sources" && (
            <div class="stack stack--loose">
              <section class="stack" aria-labelledby="part-directory"><h2 id="part-directory" class="part-title part-title--tight">{t.directoryTitle}</h2><Fields names={ofDirectory} d={d} /><More names={others(d, "directory.", ofDirectory)} d={d} /><Trial what="directory" unsaved={unsaved} inner /></section>
              <section class="stack" aria-labelledby="part-provider"><h2 id="part-provider" class="part-title part-title--tight">{t.providerTitle}</h2><Fields names={ofProvider} d={d} /><More names={others(d, "oidc.", ofProvider)} d={d} /><Trial what="provider" unsaved={unsaved} inner /></section>
            </div>
          )}
          {part === "accounts" && <Fields names={ofAccounts} d={d} />}
          {part === "limits" && <div class="stack stack--loose"><Fields names={ofLimits} d={d} /><LimitsInUse of={d.all} /></div>}
          {part === "syslog" && <div class="stack stack--loose"><Fields names={ofSyslog} d={d} /><Trial what="syslog" unsaved={unsaved} /></div>}
          {part === "all" && <All d={d} />}
          {part === "history" && <SettingsHistory onBack={d.taken} />}
        </Tabs>
        <SaveBar d={d} />
      </div>
    </>
  );
}

const others = (d: Drafts, prefix: string, beside: string[]) => (d.all?.settings ?? []).filter((s) => s.name.startsWith(prefix) && !beside.includes(s.name) && s.console).map((s) => s.name);

export function Fields({ names, d }: { names: readonly string[]; d: Drafts }) {
  return <div class="card settings__fields">{names.map((n) => <SettingField key={n} name={n} d={d} />)}</div>;
}

/** What few need; open by itself where something in it is wrong. */
function More({ names, d }: { names: readonly string[]; d: Drafts }) {
  const t = settingsWords.value;
  return (
    <details class="more" open={d.wrong !== null && names.includes(d.wrong.name)}>
      <summary>{t.moreOf(names.length)}</summary>
      <Fields names={names} d={d} />
    </details>
  );
}

function All({ d }: { d: Drafts }) {
  const t = settingsWords.value, list = d.all?.settings ?? [];
  if (list.length === 0) return <Empty title={t.empty} />;
  const columns: Column<Setting>[] = [
    { id: "name", name: t.columns.name, order: (a, b) => a.name.localeCompare(b.name), cell: (s) => <span class="any"><code>{s.name}</code>{settingName(s.name) !== s.name && <><br /><span class="muted small">{settingName(s.name)}</span></>}</span> },
    { id: "value", name: t.columns.value, cell: (s) => <span class="any">{s.kind === "secret" || s.kind === "pem" ? (s.set ? t.yes : t.no) : shown(s.value, s.kind === "choice")}</span> },
    { id: "from", name: t.columns.from, cell: (s) => s.from === "default" ? <span class="muted">{t.from.default}</span> : <span class="any"><Badge tone={s.from === "console" ? "accent" : undefined}>{t.from[s.from]}</Badge>{s.file && <><br /><span class="small any">{s.file}</span></>}</span> },
  ];
  return <div class="stack"><p class="muted">{t.allText(list.length)}</p><Table caption={t.parts.all} columns={columns} rows={list} rowKey={(s) => s.name} /></div>;
}
