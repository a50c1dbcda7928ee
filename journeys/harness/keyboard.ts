/** The pages by keyboard alone: Tab until something with a fitting name has the focus, then a key. */
import { until, type Tab } from './browser.ts';

/** The accessible name of what has the focus, as far as these pages need it; and whether the focus can be seen. */
const focused = (tab: Tab) => tab.run(() => {
  const el = document.activeElement as HTMLElement | null;
  if (!el || el === document.body) return { name: '', role: '', ring: true };
  const by = el.getAttribute('aria-labelledby')?.split(/\s+/).map((id) => document.getElementById(id)?.textContent ?? '').join(' ');
  const label = (el as HTMLInputElement).labels?.[0]?.textContent;
  const spoken = el.cloneNode(true) as HTMLElement;
  for (const hidden of spoken.querySelectorAll('[aria-hidden=true]')) hidden.remove();
  const name = (el.getAttribute('aria-label') ?? by ?? label ?? spoken.textContent ?? '').replace(/\s+/g, ' ').trim();
  // The ring may be drawn around the box that holds a field.
  let ring = false;
  for (let at: HTMLElement | null = el, up = 0; at && up < 3 && !ring; at = at.parentElement, up++) {
    const style = getComputedStyle(at);
    ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  }
  return { name, role: el.getAttribute('role') ?? el.tagName.toLowerCase(), ring };
});

/** Moves the focus to what is called so; fails with what was passed on the way. */
export async function reach(tab: Tab, name: RegExp, limit = 70): Promise<void> {
  const passed: string[] = [];
  for (let i = 0; i < limit; i++) {
    const f = await focused(tab);
    if (name.test(f.name)) {
      if (!f.ring) throw new Error(`the focus on "${f.name}" can't be seen`);
      return;
    }
    passed.push(f.name || f.role);
    await tab.press('Tab');
  }
  throw new Error(`Tab does not lead to ${String(name)}; it passes: ${[...new Set(passed)].join(' | ')}`);
}

export async function pressOn(tab: Tab, name: RegExp): Promise<void> {
  await reach(tab, name);
  await tab.press('Enter');
}

export async function writeInto(tab: Tab, name: RegExp, text: string): Promise<void> {
  await reach(tab, name);
  await tab.type(text);
}

export async function reads(tab: Tab, text: RegExp, ms = 20_000): Promise<string> {
  return until(`${String(text)} on the page`, async () => {
    const all = (await tab.run(() => document.body.innerText)).replaceAll('\u00a0', ' ');
    const m = text.exec(all);
    return m ? m[0] : null;
  }, ms).catch(async (e: Error) => {
    const said = await tab.run(() => ({ focus: document.activeElement?.outerHTML.slice(0, 200), alerts: [...document.querySelectorAll('[role=alert], [role=status]')].map((a) => (a as HTMLElement).innerText.trim()).filter(Boolean), all: document.body.innerText }));
    throw new Error(`${e.message}; the page announces: ${JSON.stringify(said.alerts)}, the focus is on ${said.focus}, and says: ${said.all.slice(-1500)}`);
  });
}
