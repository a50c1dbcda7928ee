/** The pages as somebody uses them with a pointer: what is called so is touched, what is labelled so is filled in. Keyboards have keyboard.ts. */
import { until, type Tab } from './browser.ts';

/** Touches the button, link or choice of that name; the topmost dialog first, if one is open. */
export const touch = (tab: Tab, name: RegExp): Promise<boolean> => until(`something called ${String(name)}`, () => tab.run(([source, flags]) => {
  const wanted = new RegExp(source, flags), dialogs = [...document.querySelectorAll('dialog[open]')], root = dialogs.at(-1) ?? document.body;
  const spoken = (e: Element) => {
    const copy = e.cloneNode(true) as HTMLElement;
    for (const hidden of copy.querySelectorAll('[aria-hidden=true]')) hidden.remove();
    return (e.getAttribute('aria-label') ?? (e as HTMLInputElement).labels?.[0]?.textContent ?? copy.textContent ?? '').replace(/\s+/g, ' ').trim();
  };
  const found = [...root.querySelectorAll<HTMLElement>('button, a[href], input[type=radio], input[type=checkbox], [role=menuitem]')].find((e) => wanted.test(spoken(e)) && !(e as HTMLButtonElement).disabled);
  found?.click();
  return found !== undefined;
}, [name.source, name.flags] as const));

/** Writes into the field of that label, in the topmost dialog first; nth: of several, which. */
export async function fill(tab: Tab, label: RegExp, text: string, nth = 0): Promise<void> {
  await until(`a field called ${String(label)}`, () => tab.run(([source, flags, n]) => {
    const wanted = new RegExp(source, flags), dialogs = [...document.querySelectorAll('dialog[open]')], root = dialogs.at(-1) ?? document.body;
    const found = [...root.querySelectorAll<HTMLInputElement>('input:not([readonly])')].filter((e) => wanted.test((e.labels?.[0]?.textContent ?? '').trim()))[n];
    found?.focus();
    found?.select();
    return found !== undefined;
  }, [label.source, label.flags, nth] as const));
  await tab.type(text);
}

/** The secret of the second factor that the page sets up. */
export const secretOn = (tab: Tab): Promise<string> => until('the set-up key', () => tab.run(() => document.querySelector('[data-secret]')?.textContent ?? null));

/** The recovery codes are on the page; they are said to be kept. */
export async function keepCodes(tab: Tab, kept: RegExp, done: RegExp): Promise<void> {
  await until('ten recovery codes', () => tab.run(() => document.querySelectorAll('.codes li').length === 10));
  await touch(tab, kept);
  await touch(tab, done);
}
