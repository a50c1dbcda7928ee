/** The security profiles that rooms may have. Officers change them; asking less takes a second officer. */
import { useEffect, useState } from "preact/hooks";
import { Badge, Button, Confirm, lang, Notice, ProfileConditions, Skeleton, toast } from "@huisclos/ui-kit";
import { admin, isProposed, type ApiError, type Profile, type Proposal, type Role } from "../api.ts";
import { asApiError } from "../session.ts";
import { Head } from "../shell.tsx";
import { profileWords } from "../words/profiles.ts";
import { Failed } from "./errors.tsx";
import { ProposedDialog } from "./link.tsx";
import { ProfileForm } from "./profile-form.tsx";

export function Profiles({ role }: { role: Role }) {
  const t = profileWords.value;
  const officer = role === "officer";
  const [all, setAll] = useState<Profile[] | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [form, setForm] = useState<Profile | "new" | null>(null);
  const [removing, setRemoving] = useState<Profile | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [proposed, setProposed] = useState<Proposal | null>(null);
  const load = () => admin.profiles().then((p) => { setAll(p); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  const done = (answer: unknown, said: string) => {
    setForm(null);
    if (isProposed(answer)) setProposed(answer.proposal); else toast(said, "shield-check");
    void load();
  };
  const remove = async () => {
    if (!removing) return;
    setError(null);
    try { done(await admin.removeProfile(removing.id), t.removed); } catch (cause) { setError(asApiError(cause).text(lang.value)); }
    setRemoving(null);
  };
  if (failed) return <><Head title={t.title} /><Failed error={failed} onRetry={() => void load()} /></>;
  return (
    <>
      <Head title={t.title}>{officer && <Button look="primary" icon="plus" onClick={() => setForm("new")}>{t.add}</Button>}</Head>
      <p class="muted lead">{t.lead} {!officer && t.readOnly}</p>
      {error && <Notice tone="danger" live><p>{error}</p></Notice>}
      {!all ? <Skeleton lines={4} /> : (
        <ul class="stack">
          {all.map((p) => (
            <li key={p.id} class="card stack stack--tight">
              <div class="row row--wrap proposal__head"><h2 class="proposal__what">{p.name}</h2><Badge>{p.builtIn ? t.builtIn : t.own}</Badge></div>
              <ProfileConditions profile={p} />
              {officer && (
                <div class="row row--wrap">
                  <Button onClick={() => setForm(p)}>{t.edit}<span class="unseen"> : {p.name}</span></Button>
                  {!p.builtIn && <Button onClick={() => setRemoving(p)}>{t.remove}<span class="unseen"> : {p.name}</span></Button>}
                </div>
              )}
            </li>
          ))}
        </ul>
      )}
      {form && <ProfileForm profile={form === "new" ? null : form} onClose={() => setForm(null)} onDone={done} />}
      <Confirm open={removing !== null} title={t.removeTitle(removing?.name ?? "")} act={t.remove} onClose={() => setRemoving(null)} onAct={remove}><p>{t.removeText}</p></Confirm>
      <ProposedDialog proposal={proposed} onClose={() => setProposed(null)} />
    </>
  );
}
