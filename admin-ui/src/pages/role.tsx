/** The role of an account: each with its name and what it means. */
import { useId, useState } from "preact/hooks";
import { Button, Dialog, Notice, privileged } from "@huisclos/ui-kit";
import type { Account, Role } from "../api.ts";
import { words } from "../words/console.ts";
import { roleName, roleWords } from "../words/roles.ts";

/** Those that a person can be given by hand; a guest's comes with an invitation. */
export const givable: readonly Role[] = ["organiser", "member", "administrator", "officer", "auditor"];

export function RoleChoice({ label, role, onChange, roles = givable }: { label: string; role: Role; onChange: (r: Role) => void; roles?: readonly Role[] }) {
  const id = useId();
  return (
    <fieldset class="roles">
      <legend class="field__label">{label}</legend>
      {roles.map((r) => (
        <label key={r} class="roles__one">
          <input type="radio" name={id} checked={r === role} onChange={() => onChange(r)} aria-describedby={`${id}-${r}`} />
          <span><b>{roleName(r)}</b><span class="muted small" id={`${id}-${r}`}>{roleWords.value.says[r]}</span></span>
        </label>
      ))}
    </fieldset>
  );
}

/** What a guest can be turned into. */
const afterGuest: readonly Role[] = ["member", "organiser"];

/** Another role for somebody: what that means is said before it is done. */
export function RoleDialog({ account: a, onClose, onRole }: { account: Account; onClose: () => void; onRole: (role: Role) => Promise<void> }) {
  const t = roleWords.value;
  const [role, setRole] = useState<Role>(a.role);
  const [busy, setBusy] = useState(false);
  const give = async () => {
    if (busy || role === a.role) return;
    setBusy(true);
    try { await onRole(role); } finally { setBusy(false); }
  };
  const four = role !== a.role && (role === "officer" || a.role === "officer");
  return (
    <Dialog open title={a.role === "guest" ? t.fullTitle(a.name) : t.changeTitle(a.name)} onClose={onClose}>
      <form class="stack" onSubmit={(e) => { e.preventDefault(); void give(); }}>
        <RoleChoice label={words.value.people.role} role={role} onChange={setRole} roles={a.role === "guest" ? afterGuest : givable} />
        <Notice tone="attention">
          <p>{t.ends}</p>
          {a.role === "guest" && <p>{t.full}</p>}
          {role !== a.role && privileged(role) && <p>{t.needsFactor}</p>}
          {role !== a.role && role === "auditor" && <p>{t.leavesRooms}</p>}
          {four && <p>{t.fourEyes}</p>}
        </Notice>
        <div class="dialog__acts"><Button look="primary" type="submit" busy={busy} disabled={role === a.role}>{t.changeAct}</Button></div>
      </form>
    </Dialog>
  );
}
