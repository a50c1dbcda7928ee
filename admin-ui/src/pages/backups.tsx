/** Backups: how they are doing, which there are, for whom they are sealed, when they are made, and how one is restored. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ago, announce, Badge, Button, copy, dateTime, IconButton, lang, Notice, Skeleton, toast } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { backups, type Backups } from "../api-backups.ts";
import { asApiError, useEvery } from "../session.ts";
import { SaveBar } from "../settings/bar.tsx";
import { useDrafts, type Drafts } from "../settings/drafts.ts";
import { SettingField } from "../settings/field.tsx";
import { Head } from "../shell.tsx";
import { backupWords } from "../words/backups.ts";
import { units } from "../words/watch.ts";
import { BackupList } from "./backups-list.tsx";
import { Failed } from "./errors.tsx";
import { Fields } from "./settings.tsx";

const ofPlan = ["backup.at", "backup.every_hours", "backup.keep_daily", "backup.keep_weekly", "backup.keep_monthly"];

export function BackupsPage() {
  const t = backupWords.value, d = useDrafts();
  const [state, setState] = useState<Backups | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const ran = useRef(false);
  const load = () => backups.list().then((s) => {
    if (ran.current && !s.running && !s.failed) announce(backupWords.value.made);
    ran.current = s.running;
    setState(s);
    setFailed(null);
  }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { if (d.all) void load(); }, [d.all]); // another key, another plan
  useEvery(state?.running ? 1_000 : 15_000, load, [state?.running]);
  if (!state || !d.all) {
    const bad = failed ?? d.failed;
    return <><Head title={t.title} />{bad ? <Failed error={bad} onRetry={() => { void load(); void d.load(); }} /> : <Skeleton lines={8} />}</>;
  }
  return (
    <>
      <Head title={t.title} />
      <p class="muted lead">{t.lead}</p>
      <div class="settings stack stack--loose">
        <Now state={state} onBegun={() => { ran.current = true; void load(); }} />
        <BackupList state={state} />
        <ForWhom state={state} d={d} />
        <section class="stack" aria-labelledby="backup-plan">
          <div class="stack stack--tight"><h2 id="backup-plan" class="part-title part-title--tight">{t.plan}</h2><p class="muted">{t.planText}</p></div>
          <Fields names={ofPlan} d={d} />
        </section>
        <Where state={state} />
        <Restore />
        <SaveBar d={d} />
      </div>
    </>
  );
}

function Now({ state, onBegun }: { state: Backups; onBegun: () => void }) {
  const t = backupWords.value;
  const [busy, setBusy] = useState(false);
  const begin = async () => {
    setBusy(true);
    try { await backups.begin(); toast(t.begun); onBegun(); } catch (cause) { toast(asApiError(cause).text(lang.value), "circle-alert"); }
    setBusy(false);
  };
  const [title, text] = t.states[state.running ? "running" : !state.good ? (state.on ? "never" : "off") : state.on ? "well" : "hand"];
  return (
    <section class="card stack" aria-labelledby="backup-now">
      <h2 id="backup-now" class="part-title part-title--tight">{t.now}</h2>
      {state.failed && !state.running && <Failure state={state} />}
      <div aria-live="polite" class="stack stack--tight">
        {(state.running || !state.failed) && (state.running || (state.on && state.good)
          ? <><p><b>{title}</b></p>{text && <p class="muted">{text}</p>}</>
          : <Notice tone="attention" title={title}><p>{text}</p></Notice>)}
        {state.running && (
          <p class="figures">{t.progress(units.octets(state.written), units.octets(state.whole))}<br />
            <progress class="wide" aria-label={t.progressName} max={Math.max(state.whole, state.written, 1)} value={state.written} /></p>
        )}
      </div>
      <dl class="facts">
        <dt>{t.good}</dt><dd>{state.good ? <>{dateTime(state.good)} <span class="muted">({ago(state.good)}, {units.octets(state.size ?? 0)})</span></> : t.none}</dd>
        <dt>{t.next}</dt><dd>{state.next ? (Date.parse(state.next) - Date.now() < 60_000 ? t.soon : dateTime(state.next)) : t.unplanned}</dd>
        {state.target !== "folder" && <><dt>{t.copied}</dt><dd>{state.copied ? <>{dateTime(state.copied)} <span class="muted">({ago(state.copied)})</span></> : t.none}</dd></>}
      </dl>
      <div class="stack stack--tight">
        <div><Button look="primary" icon="lock" busy={busy || state.running} disabled={!state.on} onClick={() => void begin()}>{t.make}</Button></div>
        {!state.on && <p class="muted small">{t.makeNo}</p>}
      </div>
    </section>
  );
}

function Failure({ state }: { state: Backups }) {
  const t = backupWords.value, copied = state.reason === "target";
  return (
    <Notice tone={copied ? "attention" : "danger"} title={(copied ? t.failedCopy : t.failed)(state.failed ?? "")}>
      <p>{t.reasons[state.reason ?? "failed"] ?? t.reasons.failed}{state.on && ` ${t.again}`}</p>
      {state.detail && <details class="backup__how"><summary>{t.cause}</summary><p class="small any" lang="en"><code>{state.detail}</code></p></details>}
    </Notice>
  );
}

function ForWhom({ state, d }: { state: Backups; d: Drafts }) {
  const t = backupWords.value;
  return (
    <section class="card stack" aria-labelledby="backup-keys">
      <div class="stack stack--tight"><h2 id="backup-keys" class="part-title part-title--tight">{t.forWhom}</h2><p class="muted">{state.keys.length > 0 ? t.forWhomText : t.keysNone}</p></div>
      {state.keys.length > 0 && <p class="row row--wrap">{state.keys.map((k) => <Badge key={k}><code class="any">{k}</code></Badge>)}</p>}
      <SettingField name="backup.recipients" d={d} />
      <div class="stack stack--tight"><p class="small">{t.makeKey}</p><Command text={`huisclos backup key --output ${lang.value === "fr" ? "sauvegarde.key" : "backup.key"}`} /></div>
      <div class="stack stack--tight"><h3 class="part-title part-title--tight backup__sub">{t.lost}</h3><p>{t.lostText}</p></div>
      <div class="stack stack--tight"><h3 class="part-title part-title--tight backup__sub">{t.stolen}</h3><p>{t.stolenText}</p></div>
    </section>
  );
}

const example = "[backup]\ntarget = \"sftp\"\n[backup.sftp]\nhost = \"backup.example.org\"\nuser = \"huisclos\"\nfolder = \"huisclos\"\nhost_key = \"ssh-ed25519 AAAA…\"\nkey_file = \"/etc/huisclos/backup-key\"";

function Where({ state }: { state: Backups }) {
  const t = backupWords.value;
  return (
    <section class="card stack" aria-labelledby="backup-where">
      <div class="stack stack--tight"><h2 id="backup-where" class="part-title part-title--tight">{t.where}</h2><p class="muted">{t.whereText}</p></div>
      <dl class="facts">
        <dt>{t.folder}</dt><dd class="any"><code>{state.folder}</code></dd>
        <dt>{t.other}</dt><dd class="any">{state.host && <><code>{state.host}</code> </>}{t.targets[state.target]}</dd>
      </dl>
      <details class="backup__how"><summary>{t.how}</summary><pre class="backup__file" tabIndex={0}><code>{example}</code></pre></details>
    </section>
  );
}

function Restore() {
  const t = backupWords.value, of = `${t.file} --key ${t.key}`;
  const commands = ["sudo systemctl stop huisclos.socket huisclos-media.socket huisclos", `huisclos backup verify ${of}`, `sudo huisclos backup restore ${of} --replace`, "sudo systemctl start huisclos.socket huisclos-media.socket huisclos"];
  return (
    <section class="card stack" aria-labelledby="backup-restore">
      <div class="stack stack--tight"><h2 id="backup-restore" class="part-title part-title--tight">{t.restore}</h2><p class="muted">{t.restoreText}</p></div>
      <ol class="backup__steps stack">{t.steps.map((s, i) => <li key={s}><div class="stack stack--tight"><span>{s}</span><Command text={commands[i] ?? ""} /></div></li>)}</ol>
    </section>
  );
}

function Command({ text }: { text: string }) {
  return <span class="row backup__command"><code class="any grow">{text}</code><IconButton name={`${backupWords.value.copyCommand} : ${text}`} icon="copy" onClick={() => void copy(text)} /></span>;
}
