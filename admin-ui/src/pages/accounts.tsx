import { useSignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { ago, Avatar, Badge, Button, compareNames, date, Empty, IconButton, Input, Pager, Skeleton, Table, type Column } from "@huisclos/ui-kit";
import { admin, type Account, type AccountPage, type Activation, type ApiError, type Proposal, type Role, type State } from "../api.ts";
import { base, go, place } from "../route.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { words } from "../words/console.ts";
import { directoryWords } from "../words/directory.ts";
import { provisioningWords } from "../words/provisioning.ts";
import { providerOfHouse } from "../words/provider.ts";
import { importWords } from "../words/import.ts";
import { roleName, roleWords } from "../words/roles.ts";
import { AccountSheet, Create } from "./account.tsx";
import { Failed } from "./errors.tsx";
import { Import } from "./import.tsx";
import { LinkOnce, ProposedDialog } from "./link.tsx";
import { givable } from "./role.tsx";

const perPage = 25;
const tones: Record<State, "accent" | "attention" | "danger" | undefined> = { active: undefined, invited: "accent", disabled: "attention" };

export function StateBadge({ state }: { state: State }) {
  return <Badge tone={tones[state]}>{words.value.people.states[state]}</Badge>;
}

/** A link that says who is missing opens the form for it: /console/accounts?new=auditor. */
function wantedRole(): Role | null {
  const role = place.value.searchParams.get("new");
  return givable.find((r) => r === role) ?? null;
}

export function Accounts({ me }: { me: string }) {
  const t = words.value.people;
  const [query, setQuery] = useState("");
  /** Cursors of the pages up to the one on screen. */
  const [cursors, setCursors] = useState<string[]>([""]);
  const [page, setPage] = useState<AccountPage | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  /** The role that the form for a new account begins with; null while it is shut. */
  const [creating, setCreating] = useState<Role | null>(wantedRole);
  const [importing, setImporting] = useState(false);
  const [proposed, setProposed] = useState<Proposal | null>(null);
  const [open, setOpen] = useState<Account | null>(null);
  const link = useSignal<{ name: string; activation: Activation } | null>(null);
  const turn = useRef(0);
  const after = cursors.at(-1) ?? "";

  const load = async () => {
    // Of two answers the one to the later question counts.
    const mine = ++turn.current;
    try {
      const p = await admin.accounts({ query: query.trim(), after, limit: perPage });
      if (mine === turn.current) { setPage(p); setError(null); }
    } catch (e) {
      if (mine === turn.current) setError(asApiError(e));
    }
  };
  useEffect(() => {
    const timer = setTimeout(() => void load(), page ? 200 : 0);
    return () => clearTimeout(timer);
  }, [query, after]);

  const shut = () => { setCreating(null); if (place.value.search) go(`${base}/accounts`, true); };
  const columns: Column<Account>[] = [
    { id: "name", name: t.name, order: (a, b) => compareNames(a.name, b.name), cell: (a) => (
      <span class="who"><Avatar name={a.name} of={a.id} size="small" /><span class="who__text"><b>{a.name}</b><span class="muted small">{a.email}</span></span></span>
    ) },
    { id: "role", name: t.role, order: (a, b) => a.role.localeCompare(b.role), cell: (a) => <span title={roleWords.value.says[a.role]}>{roleName(a.role)}{a.guest && <span class="muted small guest-until">{roleWords.value.guestShort(a.guest.name || roleWords.value.guestOfNobody, date(a.guest.until))}{a.guest.asked && <><br />{roleWords.value.fullShort}</>}</span>}</span> },
    { id: "state", name: t.state, order: (a, b) => a.state.localeCompare(b.state), cell: (a) => <span class="row row--wrap"><StateBadge state={a.state} />{a.source && <Badge>{a.source === "scim" ? provisioningWords.value.name : a.source === "oidc" ? providerOfHouse.value.fromHere : directoryWords.value.fromHere}</Badge>}</span> },
    { id: "factor", name: t.factor, order: (a, b) => Number(b.secondFactor) - Number(a.secondFactor), cell: (a) => (a.secondFactor ? <Badge tone="accent">{t.factorOn}</Badge> : <span class="muted">{t.factorOff}</span>) },
    { id: "last", name: t.last, order: (a, b) => (a.lastLogin ?? "").localeCompare(b.lastLogin ?? ""), cell: (a) => (a.lastLogin ? ago(a.lastLogin) : <span class="muted">{t.never}</span>) },
    { id: "created", name: t.created, order: (a, b) => a.created.localeCompare(b.created), cell: (a) => <span class="nowrap">{date(a.created)}</span> },
    { id: "acts", name: t.acts, quiet: true, cell: (a) => <IconButton name={t.open(a.name)} icon="settings-2" onClick={() => setOpen(a)} /> },
  ];

  return (
    <>
      <Head title={t.title}>
        {page?.total !== undefined && <span class="muted head__count">{t.total(page.total)}</span>}
        <Button onClick={() => setImporting(true)}>{importWords.value.open}</Button>
        <Button look="primary" icon="user-plus" onClick={() => setCreating("organiser")}>{t.create}</Button>
      </Head>
      <div class="tools" role="search"><Input label={t.search} hideLabel placeholder={t.search} type="search" icon="search" value={query} onValue={(v) => { setQuery(v); setCursors([""]); }} /></div>
      {error ? <Failed error={error} onRetry={() => void load()} />
        : !page ? <Skeleton lines={6} />
        : page.accounts.length === 0 ? <Empty title={t.none}><p>{t.noneText}</p></Empty>
        : (
          <>
            <Table caption={t.title} columns={columns} rows={page.accounts} rowKey={(a) => a.id} />
            <Pager page={cursors.length} onPrevious={cursors.length > 1 ? () => setCursors(cursors.slice(0, -1)) : null} onNext={page.next ? () => setCursors([...cursors, page.next]) : null} />
          </>
        )}
      <Create open={creating !== null} role={creating ?? "organiser"} onClose={shut} onMade={(account, activation) => { shut(); link.value = { name: account.name, activation }; void load(); }} onProposed={(p) => { shut(); setProposed(p); }} />
      {open && (
        <AccountSheet key={open.id} account={open} me={me} onClose={() => setOpen(null)} onChange={(a) => { setOpen(a); void load(); }}
          onLink={(activation) => { link.value = { name: open.name, activation }; setOpen(null); void load(); }} onProposed={setProposed} />
      )}
      <Import open={importing} onClose={() => setImporting(false)} onDone={() => void load()} />
      <LinkOnce link={link.value} onClose={() => { link.value = null; }} />
      <ProposedDialog proposal={proposed} onClose={() => setProposed(null)} />
    </>
  );
}
