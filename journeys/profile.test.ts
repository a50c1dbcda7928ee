/**
 * Security profiles as people meet them: chosen for a room, shown at its door, demanded of who comes, kept by both ends of the
 * call, and missed when the room asks less the next time. In the console an officer makes one and loosens it in vain alone.
 * Pictures of each state are left in build/screenshots.
 */
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { house, newcomer, type House } from './harness/appliance.ts';
import { open, until, type Engine, type Person, type Tab } from './harness/browser.ts';
import { arrive, Player, scatter, signIn } from './harness/cast.ts';
import { small } from './harness/clip.ts';
import { also } from './harness/form.ts';
import { reads } from './harness/keyboard.ts';
import { fill, touch } from './harness/pointer.ts';
import { faultsOf, refusedByPolicy, type Sight } from './harness/sight.ts';

const said = {
  fr: {
    more: /^Autres actions pour/, menu: /^Profil de sécurité$/, profile: /^Profil$/, save: /^Enregistrer$/, changed: /a maintenant le profil Restreint/, badge: /Profil Restreint/, factor: /Il vous faut un second facteur/,
    held: /Ni votre image ni vos messages ne partent encore/, compare: /^Comparer les mots$/, rules: /Règles de la réunion/, weaker: /moins strictes qu’à votre dernière visite/, enter: /^Entrer$/,
    add: /^Nouveau profil$/, name: /^Nom/, compared: /^Images et messages/, members: /^Nombre d’appareils/, make: /^Créer le profil$/, made: /Le profil Conseil est prêt/, edit: /^Modifier : Conseil$/, keep: /^Enregistrer$/, proposed: /Proposé, pas encore fait/, size: /Un nombre de 2 à 1/,
  },
  en: {
    more: /^More actions for|^Other actions for/, menu: /^Security profile$/, profile: /^Profile$/, save: /^Save$/, changed: /now has the profile Restreint/, badge: /Profile Restreint/, factor: /You need a second factor/,
    held: /Neither your picture nor your messages leave yet/, compare: /^Compare the words$/, rules: /Rules of the meeting/, weaker: /less strict than at your last visit/, enter: /^Enter$|^Go in$|^Join$/,
    add: /^New profile$/, name: /^Name/, compared: /^Pictures and messages/, members: /^Most devices/, make: /^Create the profile$/, made: /The profile Conseil is ready/, edit: /^Change : Conseil$/, keep: /^Save$/, proposed: /Proposed, not done yet/, size: /A number from 2 to 1/,
  },
} as const;

const houses: House[] = [];
const opened: Person[] = [];
afterEach(async () => { await Promise.all(opened.splice(0).map((p) => p.close().catch(() => undefined))); await Promise.all(houses.splice(0).map((h) => h.appliance.end())); });

const shape = (look: Sight) => ({ lang: look.lang, dark: look.theme === 'dark', width: look.width, height: look.width < 500 ? 780 : 860 });

/** A browser at the room's door with an account that has a second factor by now. */
async function atDoor(h: House, index: number, engine: Engine, look: Sight): Promise<Player> {
  return arrive(h, index, engine, { look: shape(look) });
}

const choose = (tab: Tab, value: string) => until('the list of profiles', () => tab.run((v) => {
  const s = [...document.querySelectorAll<HTMLSelectElement>('dialog[open] select')].at(-1);
  if (!s || ![...s.options].some((o) => o.value === v)) return false;
  s.value = v;
  s.dispatchEvent(new Event('change', { bubbles: true }));
  return true;
}, value));

/** What a frame of sound weighs on the wire, of a sender's own count; null while too few were sent. */
const soundOnWire = (p: Player) => p.tab.run(async () => {
  const { up } = window.__huisclos!.connections();
  let found: number | null = null;
  (await up?.getStats())?.forEach((s: Record<string, unknown>) => {
    if (s.type !== 'outbound-rtp' || s.kind !== 'audio' || Number(s.packetsSent) < 50) return;
    const again = Number(s.retransmittedBytesSent ?? 0), packetsAgain = Number(s.retransmittedPacketsSent ?? 0);
    found = (Number(s.bytesSent) - again) / (Number(s.packetsSent) - packetsAgain);
  });
  return found;
});
const cameraSeen = async (p: Player, of: Player) => {
  const leaf = (await p.people()).find((x) => x.name === of.account.name)!.leaf;
  return (await p.frames(leaf)).seen.length;
};

for (const { look, engines } of [
  { look: { lang: 'fr', theme: 'light', width: 1280 }, engines: ['chromium', 'firefox'] },
  { look: { lang: 'en', theme: 'dark', width: 390 }, engines: ['chromium', 'chromium'] },
] as const) {
  (look.width === 1280 ? test : also)(`a room under Restreint, ${look.lang}, ${look.width} px: ${engines.join(' and ')}`, { timeout: 240_000 }, async () => {
    const h = await house(2), w = said[look.lang], faults: string[] = [];
    houses.push(h);
    const see = async (tab: Tab, name: string) => { faults.push(...await faultsOf(tab, `profile-${name}`, look)); };

    // The owner chooses, and meets the condition themself: one factor is not enough.
    const first = await atDoor(h, 0, engines[0], look);
    opened.push(first.person);
    await first.tab.goto(`${h.appliance.url}/`);
    await touch(first.tab, w.more);
    await touch(first.tab, w.menu);
    await choose(first.tab, 'restreint');
    await see(first.tab, 'choose');
    await touch(first.tab, w.save);
    await reads(first.tab, w.changed);
    await first.tab.goto(h.room.link);
    await first.prepare({ mic: false, cam: false });
    await reads(first.tab, w.badge);
    await first.start();
    await first.reaches('error');
    await reads(first.tab, w.factor);
    await see(first.tab, 'two-factors');
    await first.close();

    for (const account of h.members) {
      const client = h.appliance.client();
      await client.login(account);
      account.phone = await client.enrol(account.passphrase);
    }
    const host = await atDoor(h, 0, engines[0], look), guest = await atDoor(h, 1, engines[1], look);
    opened.push(host.person, guest.person);
    await host.tab.run(() => { document.querySelector<HTMLDetailsElement>('.rules-of')!.open = true; });
    await see(host.tab, 'door');
    await host.start();
    await host.reaches('in-call');
    await guest.start();
    await host.admits(guest.account.name);
    await guest.reaches('in-call');
    for (const p of [host, guest]) {
      await p.sees(2);
      assert.deepEqual(await p.tab.run(() => window.__huisclos!.call.profile.value), { name: 'Restreint', conditions: ['twoFactors', 'noGuests', 'compared', 'padded'], members: 25 });
    }

    // Before the words are compared one hears the other, and nothing else leaves: no picture, no message.
    await Promise.all([host.sensesOf(guest, { picture: false }), guest.sensesOf(host, { picture: false })]);
    await reads(host.tab, w.held);
    await see(host.tab, 'held');
    await host.tab.run(() => window.__huisclos!.call.send('before'));
    await new Promise((done) => setTimeout(done, 1500));
    for (const [a, b] of [[host, guest], [guest, host]] as const) {
      assert.equal(await cameraSeen(a, b), 0, `${a.account.name} saw a picture`);
      assert.equal(await a.tab.run(() => window.__huisclos!.call.chat.value.length), 0);
      assert.equal((await a.people()).find((x) => !x.me)!.cam, false, 'a camera that shows nothing is said to be off');
    }
    await touch(host.tab, w.compare);
    await reads(host.tab, w.rules);
    await see(host.tab, 'panel');

    // One side compares: what it sends is free, what comes to it is the other's to free.
    await host.tab.run(() => window.__huisclos!.call.compare());
    for (const p of [host, guest]) await until('the comparison', () => p.tab.run(() => window.__huisclos!.call.comparison.value !== null));
    await host.tab.run(() => { window.__huisclos!.call.answerComparison('same'); });
    await guest.sensesOf(host);
    assert.equal(await cameraSeen(host, guest), 0);
    await guest.tab.run(() => { window.__huisclos!.call.answerComparison('same'); });
    await host.sensesOf(guest);
    await guest.tab.run(() => window.__huisclos!.call.send('after'));
    await until('the message', () => host.tab.run(() => window.__huisclos!.call.chat.value.some((m) => m.text === 'after' && !m.me)));
    assert.equal(await guest.tab.run(() => window.__huisclos!.call.chat.value.some((m) => m.text === 'before')), false);

    // Sound has one size on the wire. Chromium was asked for a constant rate as well; Firefox does not keep that line of a description.
    for (const p of [host, guest]) {
      const each = (await until('fifty packets of sound', () => soundOnWire(p)))!;
      // Firefox's encoder has peaks of its own making: one frame in a hundred may be twice as large.
      assert.ok(p.engine === 'chromium' ? each === 240 : each >= 240 && each <= 242.4, `${p.account.name} (${p.engine}): ${each} octets a packet`);
      if (p.engine === 'chromium') assert.match(await p.tab.run(() => window.__huisclos!.connections().up!.remoteDescription!.sdp), /a=fmtp:\d+ [^\r\n]*cbr=1/);
    }
    for (const p of [host, guest]) assert.deepEqual(refusedByPolicy(p.tab), []);

    // The room asks less the next time: who was here before is told at the door.
    for (const p of [guest, host]) {
      await p.tab.run(() => window.__huisclos!.call.leave());
      await p.reaches('ended');
    }
    await scatter([guest]);
    assert.equal(await host.tab.run(async (room) => {
      const me = await (await fetch('/api/me')).json() as { csrf: string };
      return (await fetch(`/api/rooms/${room}`, { method: 'PATCH', headers: { 'Content-Type': 'application/json', 'X-Huisclos-CSRF': me.csrf }, body: JSON.stringify({ profile: 'standard' }) })).status;
    }, h.room.id), 200);
    await host.tab.goto(`${h.appliance.url}/about`);
    await host.tab.goto(h.room.link);
    await host.prepare({ mic: false, cam: false });
    await reads(host.tab, w.weaker);
    await see(host.tab, 'weaker');
    assert.deepEqual(faults, []);
    await scatter([host]);
  });
}

for (const look of [{ lang: 'fr', theme: 'dark', width: 390 }, { lang: 'en', theme: 'light', width: 1280 }] as const) {
  (look.width === 390 ? test : also)(`an officer makes a profile, and loosens none alone, ${look.lang}, ${look.width} px`, { timeout: 120_000 }, async () => {
    const h = await house(1), w = said[look.lang], faults: string[] = [];
    houses.push(h);
    const officer = (await newcomer(h.appliance, h.admin, { name: 'Odile Officier', email: 'odile@example.test', passphrase: 'verrou talus mousse cascade', role: 'officer' })).account;
    const person = await open({ engine: 'chromium', id: 1, size: small, clip: false, look: shape(look) });
    opened.push(person);
    const t = await person.tab(), see = async (name: string) => { faults.push(...await faultsOf(t, `profiles-${name}`, look)); };
    await signIn(t, h, officer);
    await t.run((l) => { localStorage.setItem('huisclos.lang', l); }, look.lang);
    await t.goto(`${h.appliance.url}/console/profiles`);
    await touch(t, w.add);
    await fill(t, w.name, 'Conseil');
    await touch(t, w.compared);
    await fill(t, w.members, '1');
    await reads(t, w.size);
    await see('form');
    await fill(t, w.members, '12');
    await touch(t, w.make);
    await reads(t, w.made);
    await see('list');
    await touch(t, w.edit);
    await touch(t, w.compared);
    await touch(t, w.keep);
    await reads(t, w.proposed);
    await see('proposed');
    await t.goto(`${h.appliance.url}/console/proposals`);
    await reads(t, /Conseil/);
    await see('proposal');
    assert.deepEqual(refusedByPolicy(t), []);
    assert.deepEqual(faults, []);
  });
}
