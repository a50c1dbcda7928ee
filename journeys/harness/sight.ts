/** How a page looks and reads, in both languages, themes and widths: a picture is kept, and axe, the width, the language and the title are checked. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Page } from 'playwright-core';
import type { Tab } from './browser.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = path.join(process.env.HUISCLOS_TOP ?? '.', 'build/screenshots');

export interface Sight { lang: 'fr' | 'en'; theme: 'light' | 'dark'; width: number }

/** What the two drivers of browsers call alike. */
export const pageOf = (t: Tab) => (t as unknown as { page: Page }).page;

const labelOf = (name: string, look: Sight) => `${name}-${look.lang}-${look.theme}-${look.width}`;

/** Its picture, left in build/screenshots. */
export const picture = (t: Tab, name: string, look: Sight) => t.screenshot(path.join(pictures, `${labelOf(name, look)}.png`));

/** What is wrong with the page as it stands; its picture is kept. */
export async function faultsOf(t: Tab, name: string, look: Sight, lang: string = look.lang): Promise<string[]> {
  const label = labelOf(name, look), faults: string[] = [];
  await new Promise((done) => setTimeout(done, 150));
  await picture(t, name, look);
  const page = pageOf(t);
  const wide = await page.evaluate(() => ({ page: document.documentElement.scrollWidth, window: innerWidth, lang: document.documentElement.lang, title: document.title }));
  if (wide.page > wide.window + 1) faults.push(`${label}: ${wide.page} px wide in a window of ${wide.window}`);
  if (wide.lang !== lang) faults.push(`${label}: the page says it is in "${wide.lang}"`);
  if (wide.title.trim() === '') faults.push(`${label}: no title`);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    type Axe = { run(o: unknown): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
    const r = await (window as unknown as { axe: Axe }).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return r.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} — ${n.failureSummary.replace(/\s+/g, ' ').slice(0, 200)}`).join(' ; ')}`);
  });
  return [...faults, ...found.map((f) => `${label}: ${f}`)];
}

/** What the browser says about a policy that something broke. */
export const refusedByPolicy = (t: Tab) => t.console.filter((l) => /content security policy|trusted ?types?|refused to|pageerror/i.test(l));
