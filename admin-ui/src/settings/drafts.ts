/** What somebody is about to change: kept until it is saved or dropped, with where the server finds fault. */
import { useEffect, useState } from "preact/hooks";
import { lang } from "@huisclos/ui-kit";
import type { ApiError } from "../api.ts";
import { asApiError } from "../session.ts";
import { settingsApi, type Changes, type Setting, type Settings, type Value } from "../settings-api.ts";
import { settingsWords } from "../words/settings.ts";
import { chosenOf, read, same } from "./value.ts";

export interface Drafts {
  all: Settings | null;
  failed: ApiError | null;
  load: () => Promise<void>;
  of: (name: string) => Setting | undefined;
  /** What stands in the field, if it was touched; null: back to the default. */
  texts: Readonly<Record<string, string | boolean | null>>;
  put: (name: string, text: string | boolean | null) => void;
  undo: (name: string) => void;
  /** The names that would change. */
  changed: string[];
  wrong: { name: string; text: string } | null;
  error: string | null;
  busy: boolean;
  save: () => Promise<boolean>;
  discard: () => void;
  taken: (s: Settings) => void;
}

export function useDrafts(): Drafts {
  const [all, setAll] = useState<Settings | null>(null);
  const [failed, setFailed] = useState<ApiError | null>(null);
  const [texts, setTexts] = useState<Record<string, string | boolean | null>>({});
  const [wrong, setWrong] = useState<{ name: string; text: string } | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const load = () => settingsApi.settings().then((s) => { setAll(s); setFailed(null); }, (e: unknown) => setFailed(asApiError(e)));
  useEffect(() => { void load(); }, []);
  const of = (name: string) => all?.settings.find((s) => s.name === name);
  const valueOf = (s: Setting, text: string | boolean | null): Value | undefined => typeof text === "string" ? read(s.kind, text) : text;
  const changes = (s: Setting, text: string | boolean | null): boolean => {
    if (text === null) return s.from === "console" || s.set === true || s.chosen !== undefined;
    if (s.kind === "secret") return text !== "";
    return !same(valueOf(s, text) ?? null, chosenOf(s)) || valueOf(s, text) === undefined;
  };
  const changed = Object.keys(texts).filter((name) => { const s = of(name); return s !== undefined && changes(s, texts[name] ?? null); });
  const clear = () => { setTexts({}); setWrong(null); setError(null); };
  return {
    all, failed, load, of, texts, changed, wrong, error, busy,
    put: (name, text) => { setTexts((t) => ({ ...t, [name]: text })); if (wrong?.name === name) setWrong(null); },
    undo: (name) => { setTexts(({ [name]: _gone, ...rest }) => rest); if (wrong?.name === name) setWrong(null); },
    discard: clear,
    taken: setAll,
    save: async () => {
      const body: Changes = {};
      for (const name of changed) {
        const value = valueOf(of(name)!, texts[name] ?? null);
        if (value === undefined) { setWrong({ name, text: settingsWords.value.number }); return false; }
        body[name] = value;
      }
      setBusy(true);
      setError(null);
      setWrong(null);
      try {
        setAll(await settingsApi.change(body));
        clear();
        return true;
      } catch (cause) {
        const e = asApiError(cause), { name, reason } = e.more as { name?: unknown; reason?: Record<string, unknown> };
        const said = reason?.[lang.value];
        if (typeof name === "string" && typeof said === "string" && of(name)) setWrong({ name, text: said });
        else setError(typeof said === "string" ? said : e.text(lang.value));
        return false;
      } finally { setBusy(false); }
    },
  };
}
