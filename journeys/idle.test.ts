/**
 * A console that was left alone: the page says so a minute ahead, a touch keeps it, and once it has shut nothing of it stands on the page
 * until its owner has proved who they are, by keyboard. The server's own times are its tests'; here its answer is given to the page.
 * Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { house, type House } from './harness/appliance.ts';
import { open, until, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reads, writeInto } from './harness/keyboard.ts';
import { faultsOf, pageOf, refusedByPolicy, type Sight } from './harness/sight.ts';

let h: House;
const persons: Person[] = [];
before(async () => { h = await house(1); });
after(async () => { await Promise.all(persons.map((p) => p.close().catch(() => undefined))); await h?.appliance.end(); });

const said = {
  fr: { soon: /la console se ferme dans moins d’une minute/, stay: /^Je suis là$/, shut: /La console s’est fermée/, open: /^Rouvrir la console$/, passphrase: /^Phrase de passe/, code: /^Code à six chiffres/, accounts: /Créer un compte/ },
  en: { soon: /the console shuts in less than a minute/, stay: /^I am here$/, shut: /The console has shut/, open: /^Open the console again$/, passphrase: /^Passphrase/, code: /^Six-digit code/, accounts: /Create an account/ },
} as const;

for (const [i, look] of ([{ lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 390 }] satisfies Sight[]).entries()) {
  (i === 0 ? test : also)(`a console left alone (${look.lang}, ${look.width})`, { timeout: 120_000 }, async () => {
    const w = said[look.lang], faults: string[] = [];
    const person = await open({ engine: 'chromium', id: 1 + i, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: 800 } });
    persons.push(person);
    const t = await person.tab(), page = pageOf(t);
    await t.goto(`${h.appliance.url}/about`);
    await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
    await signIn(t, h, h.ada);
    await page.clock.install();
    await t.goto(`${h.appliance.url}/console/accounts`);
    await reads(t, w.accounts);
    const quiet: string[] = [];
    page.on('request', (r) => { if (r.url().includes('/api/admin/')) quiet.push(r.headers()['x-huisclos-quiet'] ?? 'somebody'); });
    await t.press('Tab');
    await page.clock.runFor(4 * 60_000 + 10_000);
    await reads(t, w.soon);
    // The next question of the page, ten seconds on: its clock runs only when it is told to.
    await page.clock.runFor(11_000);
    await until('the page says that nobody is there', async () => quiet.includes('1'));
    faults.push(...await faultsOf(t, 'idle-soon', look));
    await pressOn(t, w.stay);
    await until('the notice is gone', () => t.run(() => document.querySelector('.staying') === null));
    await until('the page asks as somebody', async () => quiet.at(-1) === 'somebody');
    await page.clock.resume();

    // The server says that it has shut.
    await page.route('**/api/admin/**', (r) => r.fulfill({ status: 403, json: { error: { code: 'consoleIdle', fr: 'La console s’est fermée.', en: 'The console has shut.' } } }));
    await t.goto(`${h.appliance.url}/console/accounts`);
    await reads(t, w.shut);
    assert.equal(await t.run((name) => document.body.innerText.includes(name), h.owner.name), false, 'accounts stand on the page');
    faults.push(...await faultsOf(t, 'idle-shut', look));
    await page.unroute('**/api/admin/**');
    await pressOn(t, w.open);
    await until('the dialog', () => t.run(() => document.querySelector('dialog[open] input[type=password]') !== null));
    await writeInto(t, w.passphrase, h.ada.passphrase);
    await writeInto(t, w.code, await h.ada.phone!.next());
    await t.press('Enter');
    await reads(t, w.accounts);
    assert.deepEqual([...faults, ...refusedByPolicy(t)], []);
  });
}
