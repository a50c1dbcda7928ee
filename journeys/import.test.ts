/**
 * A list of people as an administrator imports it: a file that is no text in UTF-8, one with wrong rows, of which nothing is
 * created, the right one, its links in a file, and one of them used. Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { house, type Appliance } from './harness/appliance.ts';
import { open, until, type Person } from './harness/browser.ts';
import { signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { touch } from './harness/pointer.ts';
import { faultsOf, pageOf, refusedByPolicy } from './harness/sight.ts';

const said = {
  fr: {
    open: /^Importer une liste$/, look: /^Vérifier$/, notText: /n’est pas du texte en UTF-8/, wrong: /2 lignes à corriger/, role: /que des organisateurs et des membres/, again: /^Choisir un autre fichier$/,
    line: /Ligne 3 : /, sum: /2 comptes à créer/, exists: /1 adresse a déjà un compte/, act: /^Créer 2 comptes$/, done: /2 comptes sont créés/, download: /^Télécharger les liens$/, close: /^C’est fait$/,
  },
  en: {
    open: /^Import a list$/, look: /^Check it$/, notText: /is not text in UTF-8/, wrong: /2 rows to correct/, role: /organisers and members only/, again: /^Choose another file$/,
    line: /Line 3: /, sum: /2 accounts to create/, exists: /1 address has an account already/, act: /^Create 2 accounts$/, done: /2 accounts are created/, download: /^Download the links$/, close: /^Done$/,
  },
} as const;

const opened: Person[] = [];
const appliances: Appliance[] = [];
afterEach(async () => { await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined))); await Promise.all(appliances.splice(0).map((a) => a.end())); });
after(() => { assert.equal(opened.length, 0); });

const good = 'nom;courriel;rôle\r\nÉlodie Lefèvre;elodie@example.test;membre\r\n=Somme;somme@example.test;\r\nHélène;member0@example.test;\r\n';

for (const look of [{ lang: 'fr', theme: 'light', width: 1280 }, { lang: 'en', theme: 'dark', width: 390 }] as const) {
  (look.width === 390 ? test : also)(`a list of people, ${look.lang}, ${look.width} px`, { timeout: 180_000 }, async () => {
    const h = await house(1), { appliance: a, admin } = h, w = said[look.lang], faults: string[] = [];
    appliances.push(a);
    const person = await open({ engine: 'chromium', id: 1, size: small, clip: false, look: { lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 } });
    opened.push(person);
    const t = await person.tab(), page = pageOf(t);
    await t.goto(`${a.url}/about`);
    await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
    await signIn(t, h, h.ada);
    await t.goto(`${a.url}/console/accounts`);
    const see = async (name: string) => { faults.push(...await faultsOf(t, `import-${name}`, look)); };
    const choose = (text: string | Buffer) => page.setInputFiles('dialog input[type=file]', { name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text as string) });
    const accounts = async () => (await admin.must('GET', '/api/admin/accounts')).total as number;
    const before = await accounts();

    await touch(t, w.open);
    await until('the form', () => t.run(() => document.querySelector('dialog input[type=file]') !== null));
    await see('choose');
    await choose(Buffer.from(good, 'latin1'));
    await reads(t, w.notText);
    await choose('name,email\nA,a@example.test\nB\n');
    await touch(t, w.look);
    await reads(t, w.line);
    await choose(`${good}Roi;roi@example.test;administrateur\r\nSans adresse;x;\r\n`);
    await touch(t, w.look);
    await reads(t, w.wrong);
    await reads(t, w.role);
    await see('wrong');
    assert.equal(await accounts(), before);
    await touch(t, w.again);
    await until('the form again', () => t.run(() => document.querySelector('dialog input[type=file]') !== null));
    await choose(`\ufeff${good}`);
    await touch(t, w.look);
    await reads(t, w.sum);
    await reads(t, w.exists);
    await see('checked');
    assert.equal(await accounts(), before);
    await touch(t, w.act);
    await reads(t, w.done);
    await see('links');
    assert.equal(await accounts(), before + 2);
    const coming = page.waitForEvent('download');
    await touch(t, w.download);
    const chunks: Buffer[] = [];
    for await (const c of await (await coming).createReadStream()) chunks.push(c as Buffer);
    const rows = Buffer.concat(chunks).toString().trim().split('\r\n');
    assert.equal(rows.length, 3);
    assert.ok(rows[2]!.startsWith("'=Somme,"), rows[2]!);
    const link = new URL(rows[1]!.split(',')[2]!);
    const me = await a.client().must('POST', '/api/activate', { token: link.hash.slice(1), passphrase: 'fougère lanterne marée nouvelle' });
    assert.equal((me.account as { email: string }).email, 'elodie@example.test');
    await touch(t, w.close);
    await until('the form is shut', () => t.run(() => document.querySelector('dialog') === null));
    assert.deepEqual(refusedByPolicy(t), []);
    assert.deepEqual(faults, []);
  });
}
