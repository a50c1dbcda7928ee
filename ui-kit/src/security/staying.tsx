/** Before a session ends because nobody is there: said a minute ahead, and any touch of the page keeps it (WCAG 2.2.1). */
import { useEffect, useRef, useState } from "preact/hooks";
import { idleFor } from "../activity.ts";
import { Button } from "../button.tsx";
import { own } from "./words.ts";

const ahead = 60_000, every = 5_000;

/**
 * after: seconds without use. ask goes to the server: as somebody while somebody is there, at most once a minute, so that whoever writes a long
 * form is not gone; and by itself when the time is over, so that the page shows what the server says then.
 */
export function Staying({ after, console, ask }: { after: number; console?: boolean; ask: () => Promise<unknown> }) {
  const t = own.value.staying;
  const [soon, setSoon] = useState(false);
  const asked = useRef(Date.now()), over = useRef(false);
  useEffect(() => {
    const timer = setInterval(() => {
      const idle = idleFor(), now = Date.now();
      const ending = after > 0 && idle >= after * 1000 - ahead && idle < after * 1000;
      setSoon(ending);
      if (idle < ahead) over.current = false;
      if (idle < every && now - asked.current >= ahead || after > 0 && idle >= after * 1000 && !over.current) {
        over.current = idle >= after * 1000;
        asked.current = now;
        void ask();
      }
    }, every);
    return () => clearInterval(timer);
  }, [after]);
  if (!soon) return null;
  return (
    <div class="staying" role="alert">
      <p>{console ? t.console : t.session}</p>
      <Button look="primary" onClick={() => { setSoon(false); asked.current = Date.now(); void ask(); }}>{t.stay}</Button>
    </div>
  );
}
