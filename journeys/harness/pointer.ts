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

/** Writes into the field of that label, in the topmost dialog first. A page that has just been drawn may take the focus elsewhere meanwhile: then once more. */
export async function fill(tab: Tab, label: RegExp, text: string): Promise<void> {
  const field = (act: 'select' | 'read') => tab.run(([source, flags, what]) => {
    const wanted = new RegExp(source, flags), dialogs = [...document.querySelectorAll('dialog[open]')], root = dialogs.at(-1) ?? document.body;
    const found = [...root.querySelectorAll<HTMLInputElement>('input:not([readonly]), textarea')].find((e) => wanted.test((e.labels?.[0]?.textContent ?? '').trim()));
    if (found && what === 'select') { found.focus(); found.select(); }
    return found ? found.value : null;
  }, [label.source, label.flags, act] as const);
  for (let tries = 0; tries < 3; tries++) {
    await until(`a field called ${String(label)}`, async () => (await field('select')) !== null);
    await tab.type(text);
    // A code is sent by itself once it is whole, and its field is gone or empty.
    const value = await field('read');
    if (value === null || value === text || (value === '' && /^[0-9]{6}$/.test(text))) return;
  }
  throw new Error(`the field ${String(label)} does not take what is written`);
}

/** Chooses in the list of that label. */
export const pick = (tab: Tab, label: RegExp, option: RegExp): Promise<boolean> => until(`a list called ${String(label)} with ${String(option)}`, () => tab.run(([source, flags, choice, marks]) => {
  const wanted = new RegExp(source, flags), dialogs = [...document.querySelectorAll('dialog[open]')], root = dialogs.at(-1) ?? document.body;
  const list = [...root.querySelectorAll('select')].find((e) => wanted.test((e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? '').trim()));
  const one = [...list?.options ?? []].find((o) => new RegExp(choice, marks).test(o.text));
  if (!list || !one) return false;
  list.value = one.value;
  list.dispatchEvent(new Event('input', { bubbles: true }));
  list.dispatchEvent(new Event('change', { bubbles: true }));
  return true;
}, [label.source, label.flags, option.source, option.flags] as const));

/** The secret of the second factor that the page sets up. */
export const secretOn = (tab: Tab): Promise<string> => until('the set-up key', () => tab.run(() => document.querySelector('[data-secret]')?.textContent ?? null));

/** The recovery codes are on the page; they are said to be kept. */
export async function keepCodes(tab: Tab, kept: RegExp, done: RegExp): Promise<void> {
  await until('ten recovery codes', () => tab.run(() => document.querySelectorAll('.codes li').length === 10));
  await touch(tab, kept);
  await touch(tab, done);
}
