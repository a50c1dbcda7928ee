/**
 * The overview and the statistics, as an administrator reads them, in both languages, themes and widths: what needs attention stands
 * first, the charts hold what was kept over restarts and can be read as tables, by keyboard; monitoring's token is made, used and revoked.
 * Pictures are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Appliance, furnish, type House } from './harness/appliance.ts';
import { open, until, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { pressOn, reads } from './harness/keyboard.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const settings = 'media_port = 0\n';
let h: House;
const persons: Person[] = [];
before(async () => {
  const appliance = await Appliance.start({ settings });
  h = await furnish(appliance, 1);
  await appliance.again(settings); // each stop keeps what the time since the start was like
  await appliance.again(settings);
  const owner = appliance.client(), soon = new Date(Date.now() + 3_600_000).toISOString();
  await owner.login(h.owner);
  await owner.must('POST', `/api/rooms/${h.room.id}/meetings`, { title: 'Point', start: { date: soon.slice(0, 10), time: soon.slice(11, 16) }, zone: 'UTC', minutes: 30 });
});
after(async () => {
  await Promise.all(persons.map((p) => p.close().catch(() => undefined)));
  await h?.appliance.end();
});

const words = {
  fr: { well: /Tout va bien : aucune réunion en cours/, past: /Évolution/, chart: /Personnes et réunions/, table: /^En tableau : Personnes et réunions$/, when: /Quand/, first: /À regarder d’abord/, waits: /1 réglage attend un redémarrage : media_port/, statistics: /Statistiques/, days: /Par jour/, none: /Il n’y a pas de jeton/, make: /^Créer un jeton$/, once: /Copiez ce jeton/, done: /^C’est fait$/, revoke: /^Révoquer le jeton$/, revoked: /Le jeton est révoqué/, stop: /^Préparer un arrêt$/, touches: /Aucune réunion n’est en cours\..*lit que l’administration prépare un arrêt.*1 réunion planifiée/s, empty: /aucune n’est en cours : vous pouvez arrêter la machine/, resume: /^Autoriser de nouvelles réunions$/, resumed: /Des réunions peuvent commencer/ },
  en: { well: /All well: no meeting in progress/, past: /Over time/, chart: /People and meetings/, table: /^As a table : People and meetings$/, when: /When/, first: /To look after first/, waits: /1 setting waits for a restart: media_port/, statistics: /Statistics/, days: /By day/, none: /There is no token/, make: /^Make a token$/, once: /Copy this token/, done: /^Done$/, revoke: /^Revoke the token$/, revoked: /The token is revoked/, stop: /^Prepare a stop$/, touches: /No meeting is in progress\..*reads that the administrator is about to stop.*1 planned meeting/s, empty: /none is in progress: you can stop the machine/, resume: /^Allow new meetings$/, resumed: /Meetings can begin/ },
} as const;

for (const [i, look] of ([{ lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 390 }] satisfies Sight[]).entries()) {
  (i === 1 ? test : also)(`how it is and how it was (${look.lang}, ${look.width})`, { timeout: 240_000 }, async () => {
    const w = words[look.lang], faults: string[] = [], { appliance } = h;
    const person = await open({ engine: 'chromium', id: 1 + i, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: 900 } });
    persons.push(person);
    const t = await person.tab();
    const see = async (name: string) => { faults.push(...await faultsOf(t, `observe-${name}`, look)); };
    await t.goto(`${appliance.url}/about`);
    await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
    await signIn(t, h, h.ada);

    await t.goto(`${appliance.url}/console/`);
    await reads(t, w.past);
    await reads(t, w.chart);
    await until('a line is drawn', () => t.run(() => document.querySelectorAll('.chart__plot .chart__line').length >= 4));
    await see('overview');
    await pressOn(t, w.table);
    await reads(t, w.when);
    await until('the table has the values', () => t.run(() => document.querySelectorAll('.chart__table tbody tr').length >= 1));
    await see('table');

    // Before a stop: whom it touches is said first, then that no meeting begins, there and on top, until that is over.
    await pressOn(t, w.stop);
    await reads(t, w.touches);
    await see('stop-asks');
    await pressOn(t, w.stop);
    await reads(t, w.empty);
    await until('it is said on top at once', () => t.run(() => document.querySelector('.state--lost') !== null), 3000);
    const ready = () => t.run(async () => (await fetch('/readyz')).status);
    assert.equal(await ready(), 503);
    await see('stop');
    await pressOn(t, w.resume);
    await reads(t, w.resumed);
    await reads(t, w.well);
    assert.equal(await ready(), 200);

    // A setting that waits for a restart is said, on top and first on the page.
    writeFileSync(path.join(appliance.folder, 'huisclos.toml'), 'media_port = 10444\n');
    process.kill(appliance.pid, 'SIGHUP');
    await reads(t, w.first, 25_000);
    assert.match(await t.run(() => document.querySelector('.state')?.textContent ?? ''), w.waits);
    await see('attention');
    writeFileSync(path.join(appliance.folder, 'huisclos.toml'), settings);
    process.kill(appliance.pid, 'SIGHUP');
    await reads(t, w.well, 25_000);

    await t.goto(`${appliance.url}/console/statistics`);
    await reads(t, w.days);
    await reads(t, w.none);
    await see('statistics');
    await pressOn(t, w.make);
    await reads(t, w.once);
    await see('token');
    const token = await t.run(() => document.querySelector('dialog .once')?.textContent ?? '');
    assert.match(token, /^huisclos_metrics_[\w-]{43}$/);
    const page = () => t.run(async (bearer) => { const r = await fetch('/metrics', { headers: { authorization: `Bearer ${bearer}` } }); return { status: r.status, text: await r.text() }; }, token);
    const got = await page();
    assert.equal(got.status, 200);
    assert.match(got.text, /^huisclos_accounts 2$/m);
    await pressOn(t, w.done);
    await pressOn(t, w.revoke);
    await until('it asks', () => t.run(() => document.querySelector('dialog[open]') !== null));
    await pressOn(t, w.revoke);
    await reads(t, w.revoked);
    assert.equal((await page()).status, 401);
    assert.deepEqual([...faults, ...refusedByPolicy(t).filter((l) => !/401|503/.test(l))], []);
  });
}
