import assert from "node:assert/strict";
import { test } from "node:test";
import { toBase64url, toHex } from "../src/bytes.ts";
import { MLSError } from "../src/rpc.ts";
import { words } from "../src/words.ts";
import { call, deviceKeys, enter, id, Peer, standard } from "./calls.ts";

/** That all have one view of the group: words, frame keys, members. */
async function agree(peers: Peer[]): Promise<void> {
  const views = await Promise.all(peers.map((peer) => peer.view()));
  const keys = await Promise.all(peers.map(async (peer) => toHex(await peer.frameKey())));
  for (const [i, view] of views.entries()) {
    assert.deepEqual(view.words, views[0]!.words);
    assert.deepEqual(view.members, views[0]!.members);
    assert.equal(view.epoch, views[0]!.epoch);
    assert.equal(keys[i], keys[0]);
    assert.equal(view.members.find((m) => m.leaf === view.own)?.account, peers[i]!.account);
  }
  assert.equal(keys[0]!.length, 64);
  assert.equal(words(views[0]!.words, "fr").length, 12);
}

async function refusal(rule: string | null, reason: string, run: Promise<unknown>): Promise<void> {
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof MLSError, String(error));
    assert.equal(error.rule, rule ?? undefined, error.message);
    assert.equal(error.reason, reason, error.message);
    return true;
  });
}

test("create, add three, talk, remove, re-enter", async () => {
  const { host, others: [anna, ben, chloe], room } = await call(3);
  assert.ok(anna && ben && chloe);
  await agree([host, anna, ben, chloe]);
  assert.ok(anna.signatures > 0, "the device's key signed");

  for (const [sender, leaf] of [[host, 0], [chloe, 3]] as const) {
    const { epoch, message } = await sender.seal("bonjour à tous");
    assert.equal(epoch, 1);
    const receivers: Peer[] = [host, anna, ben, chloe];
    for (const peer of receivers) {
      if (peer === sender) continue;
      assert.deepEqual(await peer.open(message), { sender: leaf, epoch: 1, text: "bonjour à tous" });
      await refusal(null, "decrypt", peer.open(message));
    }
  }

  // Anna removes Ben; a view says what happened.
  const before = toHex(await host.frameKey());
  const removal = await anna.commit({ removes: [2] });
  await refusal(null, "removed", ben.process(removal.commit));
  const view = await host.process(removal.commit);
  assert.deepEqual([view.epoch, view.addOnly, view.committer, view.removed.map((m) => m.name), view.added], [2, false, 1, ["Guest 2"], []]);
  assert.equal(view.hash, removal.hash);
  await anna.accepted();
  await chloe.process(removal.commit);
  await agree([host, anna, chloe]);
  assert.notEqual(toHex(await host.frameKey()), before);
  const secret = await host.seal("without Ben");
  await assert.rejects(ben.open(secret.message), MLSError);

  // Chloé's page was loaded again: the same device takes its own leaf's place, without a knock.
  const again = await Peer.make("Guest 3", chloe.me);
  const { keyPackage } = await again.keyPackage();
  const reentry = await anna.commit({ adds: [{ keyPackage }], removes: [3] });
  const seen = await host.process(reentry.commit);
  assert.equal(seen.addOnly, false);
  await anna.accepted();
  await again.join(reentry.welcomes[0]!, (await host.groupState()).tree, { room: room.id, owner: room.owner });
  await agree([host, anna, again]);
  // Ben may not do the same: he was removed.
  const benAgain = await Peer.make("Guest 2", ben.me);
  await refusal("add-without-admission", "add-without-admission", anna.commit({ adds: [{ keyPackage: (await benAgain.keyPackage()).keyPackage }] }));
});

test("an addition is told from a change; the committer may lose", async () => {
  const { host, others: [anna, ben], room } = await call(2);
  assert.ok(anna && ben);
  const newcomer = await Peer.make("New");
  const { keyPackage } = await newcomer.keyPackage();
  const info = await host.inspect(keyPackage);
  assert.deepEqual([info.account, info.name], [newcomer.account, "New"]);
  const lost = await ben.commit({});
  const won = await anna.commit({ adds: [{ keyPackage, admission: await host.admit(keyPackage) }] });
  const view = await ben.process(won.commit);
  assert.deepEqual([view.addOnly, view.added.map((m) => m.name), view.entered], [true, ["New"], false]);
  await host.process(won.commit);
  // The loser's commit is of a past epoch for those who went on.
  await refusal(null, "epoch", host.process(lost.commit));
  await assert.rejects(ben.accepted(), MLSError);
  // Anna is told by the commit itself.
  assert.equal((await anna.process(won.commit)).epoch, 2);
  const joined = await newcomer.join(won.welcomes[0]!, (await anna.groupState()).tree, { room: room.id, owner: room.owner });
  assert.deepEqual([joined.entered, joined.committer, joined.own], [true, -1, 3]);
  await agree([host, anna, ben, newcomer]);
  // A commit that was refused leaves the group as it was.
  await anna.commit({});
  await refusal(null, "internal", anna.commit({}));
  await anna.refused();
  const next = await anna.commit({ change: {} }).then(() => assert.fail("a guest changed the room"), (e: MLSError) => e.rule);
  assert.equal(next, "not-host");
});

test("the lock holds against admissions, and only hosts turn it", async () => {
  const { host, others: [anna], room } = await call(1);
  assert.ok(anna);
  const lock = await host.commit({ change: { locked: true } });
  await host.accepted();
  assert.equal((await anna.process(lock.commit)).locked, true);
  const newcomer = await Peer.make("Late");
  const { keyPackage } = await newcomer.keyPackage();
  const admission = await host.admit(keyPackage);
  await refusal("locked", "locked", anna.commit({ adds: [{ keyPackage, admission }] }));
  await refusal("creator-not-owner", "creator-not-owner", host.commit({ change: { hosts: [anna.account] } }));
  const open = await host.commit({ change: { locked: false, hosts: [host.account, anna.account] } });
  await host.accepted();
  assert.deepEqual((await anna.process(open.commit)).hosts, [host.account, anna.account]);
  await enter(anna, [host], [newcomer], room);
  await agree([host, anna, newcomer]);
});

test("an admission is for one key package and one group, for a time", async () => {
  const { host, others: [anna] } = await call(1);
  assert.ok(anna);
  const one = await (await Peer.make("One")).keyPackage();
  const two = await (await Peer.make("Two")).keyPackage();
  const admission = await host.admit(one.keyPackage);
  await refusal("add-without-admission", "add-without-admission", anna.commit({ adds: [{ keyPackage: two.keyPackage, admission }] }));
  const late = await host.admit(one.keyPackage, Date.now() / 1000 - 3600);
  await assert.rejects(anna.commit({ adds: [{ keyPackage: one.keyPackage, admission: late }] }), MLSError);
  await assert.rejects(anna.admit(one.keyPackage), MLSError, "a guest admits nobody");
  const elsewhere = await call(0);
  await assert.rejects(anna.commit({ adds: [{ keyPackage: one.keyPackage, admission: await elsewhere.host.admit(one.keyPackage) }] }), MLSError);
});

test("a joiner refuses another room, another owner, a tree that does not fit", async () => {
  const { host, room } = await call(0);
  const expect = { room: room.id, owner: room.owner };
  const attempt = async (change: (welcome: Uint8Array<ArrayBuffer>, tree: Uint8Array<ArrayBuffer>, peer: Peer) => Promise<unknown>) => {
    const peer = await Peer.make("Joiner");
    const { keyPackage } = await peer.keyPackage();
    const { welcomes } = await host.commit({ adds: [{ keyPackage, admission: await host.admit(keyPackage) }] });
    await host.accepted();
    await change(welcomes[0]!, (await host.groupState()).tree, peer);
  };
  await attempt((w, t, peer) => refusal("wrong-room", "wrong-room", peer.join(w, t, { ...expect, room: id() })));
  await attempt((w, t, peer) => refusal("creator-not-owner", "creator-not-owner", peer.join(w, t, { ...expect, owner: id() })));
  await attempt(async (w, t, peer) => {
    const other = t.slice();
    other[other.length - 10]! ^= 1;
    await assert.rejects(peer.join(w, other, expect), MLSError);
    // A Welcome has one use.
    await assert.rejects(peer.join(w, t, expect), /no key package/);
  });
  await attempt(async (w, t, peer) => {
    const stranger = await Peer.make("Stranger");
    await stranger.keyPackage();
    await assert.rejects(stranger.join(w, t, expect), MLSError);
    await peer.join(w, t, expect);
  });
});

test("a leaf whose signature does not hold is refused at joining", async () => {
  const { host, others: [anna], room } = await call(1);
  assert.ok(anna);
  const peer = await Peer.make("Joiner");
  const { keyPackage } = await peer.keyPackage();
  const { welcomes } = await host.commit({ adds: [{ keyPackage, admission: await host.admit(keyPackage) }] });
  await host.accepted();
  const { tree } = await host.groupState();
  // WebCrypto is asked; one that says no is believed.
  const { verify } = crypto.subtle;
  let asked = 0;
  crypto.subtle.verify = async (...args) => (asked++ === 1 ? false : verify.apply(crypto.subtle, args));
  try {
    await refusal(null, "signature", peer.join(welcomes[0]!, tree, { room: room.id, owner: room.owner }));
    assert.equal(asked, 3);
  } finally {
    crypto.subtle.verify = verify;
  }
});

test("a call that starts again admits who was in its last good epoch", async () => {
  const { host, others: [anna, ben], room } = await call(2);
  assert.ok(anna && ben);
  const { group, epoch } = await host.view();
  const restartOf = { group, epoch };
  const ghost = await Peer.make("Ghost");
  await host.create(room);
  const adds = [];
  for (const peer of [anna, ben, ghost]) {
    const { keyPackage } = await peer.keyPackage();
    adds.push({ keyPackage, admission: await host.admit(keyPackage) });
  }
  const { welcomes } = await host.commit({ adds, restartOf });
  await host.accepted();
  const { tree } = await host.groupState();
  const expect = { room: room.id, owner: room.owner, restartOf };
  await anna.join(welcomes[0]!, tree, expect);
  await ben.join(welcomes[1]!, tree, expect);
  await refusal(null, "psk", ghost.join(welcomes[2]!, tree, expect));
  await agree([host, anna, ben]);
  assert.notEqual((await anna.view()).group, group);

  // A new group that does not know the secret is not the old one's successor, whoever made it.
  const { commit } = await host.commit({ removes: [1] });
  await host.accepted();
  await ben.process(commit);
  const { keyPackage } = await anna.keyPackage();
  const pretended = await host.commit({ adds: [{ keyPackage, admission: await host.admit(keyPackage) }] });
  await host.accepted();
  await refusal("restart-without-secret", "restart-without-secret", anna.join(pretended.welcomes[0]!, (await host.groupState()).tree, expect));
});

test("leaving erases, the device goes on", async () => {
  const { host, others: [anna] } = await call(1);
  assert.ok(anna);
  const { message } = await host.seal("late");
  await anna.leave();
  await assert.rejects(anna.open(message), /not in a group/);
  await assert.rejects(anna.view(), /not in a group/);
  assert.ok((await anna.keyPackage()).keyPackage.length > 0);
});

test("faults of the caller are errors, not the end of the core", async () => {
  const { host } = await call(0);
  await assert.rejects(host.session.call("process", { commit: "text" }), /no Uint8Array/);
  await assert.rejects(host.session.call("nothing"), /no operation/);
  await assert.rejects(host.process(new Uint8Array(0)), MLSError);
  await assert.rejects(host.process(crypto.getRandomValues(new Uint8Array(500))), MLSError);
  await assert.rejects(Peer.make(""), MLSError);
  await assert.rejects(async () => Peer.make("x", { ...(await deviceKeys()), account: "short" }), MLSError);
  assert.equal((await host.view()).epoch, 1);
  assert.equal(toBase64url(new Uint8Array([255, 254])), "__4");
});

test("no signature, no commit; the session goes on", async () => {
  const me = await deviceKeys();
  const peer = await Peer.make("Keyless", me);
  const keys = me.keys;
  me.keys = { ...keys, privateKey: keys.publicKey };
  await assert.rejects(peer.create({ id: id(), owner: peer.account, profile: standard }), /signing with the device's key/);
  me.keys = keys;
  assert.equal((await peer.create({ id: id(), owner: peer.account, profile: standard })).view.epoch, 0);
});
