/** The card of the overview that says what is still missing, with the way to each. */
import { useEffect, useState } from "preact/hooks";
import { Icon, list } from "@huisclos/ui-kit";
import { admin, allAccounts } from "../api.ts";
import { missingOf, type Missing as Gap } from "../missing.ts";
import { base } from "../route.ts";
import { asApiError } from "../session.ts";
import { roleName, roleWords } from "../words/roles.ts";

/** With more names than this, the rest is counted. */
const named = 3;

export function Missing() {
  const t = roleWords.value.missing;
  const [gaps, setGaps] = useState<Gap[]>([]);
  useEffect(() => {
    Promise.all([allAccounts(), admin.policy()]).then(([accounts, policy]) => setGaps(missingOf(accounts, policy)), asApiError);
  }, []);
  if (gaps.length === 0) return null;
  const accounts = `${base}/accounts`;
  const say = (g: Gap): [text: string, act: string, href: string] => {
    switch (g.what) {
      case "officer": return [t.officer, t.officerAct, `${accounts}?new=officer`];
      case "auditor": return [t.auditor, t.auditorAct, `${accounts}?new=auditor`];
      case "second": return [t.second, t.secondAct, `${accounts}?new=officer`];
      case "invited": return [t.invited(g.name, roleName(g.role)), t.invitedAct, accounts];
      case "factors": case "asked": {
        const rest = g.names.length - named;
        return [t[g.what](list(rest > 0 ? [...g.names.slice(0, named), t.andMore(rest)] : g.names), g.names.length), g.what === "asked" ? t.askedAct : t.factorsAct, accounts];
      }
    }
  };
  return (
    <section class="card missing" aria-labelledby="part-missing">
      <h2 id="part-missing" class="part-title">{t.title}</h2>
      <ul class="stack">
        {gaps.map((g) => {
          const [text, act, href] = say(g);
          return <li key={g.what === "invited" ? g.role : g.what} class="missing__one"><Icon name="triangle-alert" /><div><p>{text}</p><p><a href={href}>{act}</a></p></div></li>;
        })}
      </ul>
    </section>
  );
}
