/** Groups: a list, and a sheet for the members of one. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Avatar, Badge, Button, compareNames, Confirm, date, Dialog, Empty, Finder, IconButton, Input, lang, Notice, SideSheet, Skeleton, Table, toast, type Column, type Found } from "@huisclos/ui-kit";
import { admin, type ApiError, type Group, type GroupMember } from "../api.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { groupWords } from "../words/groups.ts";
import { Failed } from "./errors.tsx";

const answers = 10;

export function Groups() {
  const t = groupWords.value;
  const [query, setQuery] = useState("");
  const [groups, setGroups] = useState<Group[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [creating, setCreating] = useState(false);
  const [open, setOpen] = useState<Group | null>(null);
  const turn = useRef(0);
  const load = async () => {
    const mine = ++turn.current;
    try {
      const list = await admin.groups(query.trim());
      if (mine === turn.current) { setGroups(list); setError(null); }
    } catch (e) { if (mine === turn.current) setError(asApiError(e)); }
  };
  useEffect(() => {
    const timer = setTimeout(() => void load(), groups ? 200 : 0);
    return () => clearTimeout(timer);
  }, [query]);
  const columns: Column<Group>[] = [
    { id: "name", name: t.name, order: (a, b) => compareNames(a.name, b.name), cell: (g) => <b>{g.name}</b> },
    { id: "members", name: t.members, number: true, order: (a, b) => a.members - b.members, cell: (g) => <span class="figures">{g.members}</span> },
    { id: "source", name: t.source, order: (a, b) => a.source.localeCompare(b.source), cell: (g) => <Badge>{t.sources[g.source || "local"] ?? g.source}</Badge> },
    { id: "created", name: t.created, order: (a, b) => a.created.localeCompare(b.created), cell: (g) => <span class="nowrap">{date(g.created)}</span> },
    { id: "acts", name: t.acts, quiet: true, cell: (g) => <IconButton name={t.open(g.name)} icon="settings-2" onClick={() => setOpen(g)} /> },
  ];
  return (
    <>
      <Head title={t.title}>
        {groups && query.trim() === "" && <span class="muted head__count">{t.total(groups.length)}</span>}
        <Button look="primary" icon="plus" onClick={() => setCreating(true)}>{t.create}</Button>
      </Head>
      <div class="tools" role="search"><Input label={t.search} hideLabel placeholder={t.search} type="search" icon="search" value={query} onValue={setQuery} /></div>
      {error ? <Failed error={error} onRetry={() => void load()} />
        : !groups ? <Skeleton lines={6} />
        : groups.length === 0 ? (query.trim() === "" ? <Empty title={t.empty}><p>{t.emptyText}</p></Empty> : <Empty title={t.none}><p>{t.noneText}</p></Empty>)
        : <Table caption={t.title} columns={columns} rows={groups} rowKey={(g) => g.id} />}
      <Dialog open={creating} title={t.createTitle} onClose={() => setCreating(false)} small>
        <Create onMade={(g) => { setCreating(false); setOpen(g); void load(); }} />
      </Dialog>
      {open && <GroupSheet key={open.id} group={open} onClose={() => setOpen(null)} onChange={(g) => { setOpen(g); void load(); }} />}
    </>
  );
}

function Create({ onMade }: { onMade: (g: Group) => void }) {
  const t = groupWords.value;
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const submit = async (e: Event) => {
    e.preventDefault();
    if (busy || !name.trim()) return;
    setBusy(true);
    setError(null);
    try { onMade(await admin.createGroup(name.trim())); } catch (cause) { setError(asApiError(cause).text(lang.value)); setBusy(false); }
  };
  return (
    <form class="stack" onSubmit={(e) => void submit(e)}>
      <p class="muted">{t.createText}</p>
      <Input label={t.name} required maxLength={80} value={name} onValue={setName} error={error} autocomplete="off" autofocus />
      <div class="dialog__acts"><Button look="primary" type="submit" busy={busy}>{t.createAct}</Button></div>
    </form>
  );
}

type FoundPerson = Found & { person: GroupMember };

function GroupSheet({ group: g, onClose, onChange }: { group: Group; onClose: () => void; onChange: (g: Group | null) => void }) {
  const t = groupWords.value;
  const local = g.source === "";
  const [name, setName] = useState(g.name);
  const [members, setMembers] = useState<GroupMember[] | null>(null);
  const [next, setNext] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [asked, setAsked] = useState(false);
  const more = async (after: string) => {
    try {
      const page = await admin.group(g.id, after);
      setMembers((m) => after === "" ? page.members : [...(m ?? []), ...page.members]);
      setNext(page.next);
    } catch (cause) { setError(asApiError(cause).text(lang.value)); }
  };
  useEffect(() => { void more(""); }, []);
  const act = async (run: () => Promise<void>, said: string) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try { await run(); toast(said); } catch (cause) { setError(asApiError(cause).text(lang.value)); } finally { setBusy(false); setAsked(false); }
  };
  const find = async (words: string): Promise<FoundPerson[]> => {
    try {
      return (await admin.accounts({ query: words, after: "", limit: answers })).accounts.map((a) => ({ key: a.id, name: a.name, detail: a.email, person: { id: a.id, name: a.name, email: a.email } }));
    } catch (cause) { throw new Error(asApiError(cause).text(lang.peek())); }
  };
  const add = (p: GroupMember) => act(async () => {
    const fresh = await admin.changeGroup(g.id, { add: [p.id] });
    setMembers((m) => [p, ...(m ?? []).filter((x) => x.id !== p.id)]);
    onChange(fresh);
  }, t.added(p.name));
  const take = (p: GroupMember) => act(async () => {
    const fresh = await admin.changeGroup(g.id, { take: [p.id] });
    setMembers((m) => (m ?? []).filter((x) => x.id !== p.id));
    onChange(fresh);
  }, t.taken(p.name));
  return (
    <SideSheet open title={t.detail(g.name)} onClose={onClose}>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {!local && <Notice tone="info"><p>{t.readOnly}</p></Notice>}
      {local && (
        <form class="stack sheet__part" onSubmit={(e) => { e.preventDefault(); if (name.trim()) void act(async () => onChange(await admin.changeGroup(g.id, { name: name.trim() })), t.renamed); }}>
          <Input label={t.name} required maxLength={80} value={name} onValue={setName} autocomplete="off" />
          <div><Button type="submit" busy={busy}>{t.rename}</Button></div>
        </form>
      )}
      <div class="stack sheet__part">
        <h3>{t.count(g.members)}</h3>
        {local && <Finder label={t.add} hint={t.addHint} find={find} chosen={(members ?? []).map((m) => m.id)} onPick={(f) => void add(f.person)} />}
        {!members ? !error && <Skeleton lines={3} /> : members.length === 0 ? <p class="muted">{t.nobody}</p> : (
          <ul class="members">
            {members.map((m) => (
              <li key={m.id} class="who members__one">
                <Avatar name={m.name} of={m.id} size="small" />
                <span class="who__text grow"><b class="cut">{m.name}</b><span class="muted small cut">{m.email}</span></span>
                {local && <IconButton name={t.take(m.name)} icon="x" onClick={() => void take(m)} />}
              </li>
            ))}
          </ul>
        )}
        {next !== "" && <div><Button onClick={() => void more(next)}>{t.more}</Button></div>}
      </div>
      {local && <div class="sheet__part"><Button look="warn" icon="trash-2" onClick={() => setAsked(true)}>{t.remove}</Button></div>}
      <Confirm open={asked} title={t.removeTitle(g.name)} act={t.removeAct} onClose={() => setAsked(false)}
        onAct={() => act(async () => { await admin.removeGroup(g.id); onChange(null); }, t.removed)}>
        <p>{t.removeText}</p>
      </Confirm>
    </SideSheet>
  );
}
