import assert from "node:assert/strict";
import { test } from "node:test";
import { atLeast, holdsBack, lost, remembered, rememberProfile, sameProfile, type Profile } from "../profile.ts";
import { constantRate } from "../publisher.ts";

const p = (conditions: Profile["conditions"], members = 0, name = "P"): Profile => ({ name, conditions, members });

test("stricter or not, condition by condition", () => {
  const strict = p(["padded", "compared"], 10);
  assert.ok(atLeast(strict, p([])) && atLeast(strict, strict) && atLeast(p(["compared", "padded", "noGuests"], 9), strict));
  assert.ok(!atLeast(p(["padded"], 10), strict) && !atLeast(p(["padded", "compared"], 11), strict) && !atLeast(p(["padded", "compared"]), strict));
  assert.deepEqual(lost(p(["padded"]), strict), ["compared", "members"]);
  assert.deepEqual(lost(strict, strict), []);
  assert.ok(sameProfile(strict, p(["compared", "padded"], 10)) && !sameProfile(strict, { ...strict, name: "Q" }));
});

test("a room's last profile is remembered, of two hundred rooms, and a damaged memory is none", () => {
  const kept = new Map<string, string>();
  const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => { kept.set(k, v); } };
  assert.equal(remembered(storage, "r"), null);
  for (let i = 0; i < 205; i++) rememberProfile(storage, `r${i}`, p(["padded"], 2 + i), i);
  assert.deepEqual(remembered(storage, "r204"), p(["padded"], 206));
  assert.equal(remembered(storage, "r4"), null);
  assert.deepEqual(remembered(storage, "r5"), p(["padded"], 7));
  for (const damaged of ["", "[", "7", "null", '{"r5":{"profile":{"name":"P","conditions":["none"],"members":2},"at":1}}']) {
    kept.set("huisclos.profiles", damaged);
    assert.equal(remembered(storage, "r5"), null, damaged);
    rememberProfile(storage, "r5", p([]));
    assert.deepEqual(remembered(storage, "r5"), p([]));
  }
  rememberProfile({ getItem: () => null, setItem: () => { throw new Error("full"); } }, "r", p([]));
});

test("pictures and messages wait for the words only where the profile says so, and only for others", () => {
  const me = { me: true, compared: false }, known = { me: false, compared: true }, new_ = { me: false, compared: false };
  assert.equal(holdsBack(p(["compared"]), [me]), false);
  assert.equal(holdsBack(p(["compared"]), [me, known]), false);
  assert.equal(holdsBack(p(["compared"]), [me, known, new_]), true);
  assert.equal(holdsBack(p(["padded"]), [me, new_]), false);
  assert.equal(holdsBack(null, [me, new_]), false);
});

test("an answer is made to ask for sound at a constant rate, and for nothing else", () => {
  const answer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP9/90000\r\na=fmtp:96 profile-id=0\r\n";
  const wanted = answer.replace("useinbandfec=1", "useinbandfec=1;cbr=1");
  assert.equal(constantRate(answer), wanted);
  assert.equal(constantRate(wanted), wanted);
});
