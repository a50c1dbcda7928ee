import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { cameraRates, layerFor, layerHeights } from "../call/rates.ts";
import { estimate, layers, megabits, mostUp, picture, server, share, sharing, spaceOf, voice, type View } from "../room/estimate.ts";

const top = path.join(import.meta.dirname, "../../..");
const text = (file: string) => readFileSync(path.join(top, file), "utf8");
const laptop: View = { width: 1280, height: 720, pixelRatio: 1, layout: null };

test("rates and heights are the server's", () => {
  const demand = text("media/pace/demand.go"), pace = text("media/pace/pace.go");
  const usual = /usual = \[Layers\]Bitrate\{([\d_, ]+)\}/.exec(demand)?.[1]?.split(",").map((n) => Number(n.replaceAll("_", "").trim()));
  assert.deepEqual(usual, [cameraRates.l, cameraRates.m, cameraRates.h]);
  for (const [name, of] of [["low", layerHeights.l], ["middle", layerHeights.m]] as const) {
    const [, lines, times, by] = new RegExp(`${name}Height\\s+= (\\d+) \\* (\\d+) / (\\d+)`).exec(pace) ?? [];
    assert.equal((Number(lines) * Number(times)) / Number(by), of, name);
  }
  assert.deepEqual([0, 1, 225, 226, 450, 451, 4000].map(layerFor), [null, "l", "l", "m", "m", "h", "h"]);
});

test("nobody is asked for more pictures than the server sends", () => {
  const most = Number(/MaxPictures = (\d+)/.exec(text("media/pace/allocate.go"))?.[1]);
  for (const view of [laptop, { ...laptop, width: 7680, height: 4320 }, { ...laptop, width: 390, height: 844, pixelRatio: 3 }]) {
    for (const n of [2, 25, 26, 300]) assert.ok(layers(n, view).length <= most, `${n}`);
  }
});

test("the space is what the style sheets leave", () => {
  const tokens = text("ui-kit/src/css/tokens.css");
  const px = (name: string) => [...tokens.matchAll(new RegExp(`--${name}: (\\d+)px`, "g"))].map((m) => Number(m[1]));
  const [bars, strips] = [px("bar"), px("strip")]; // as they come: usual, narrow, low
  const around = (width: number, height: number) => height - spaceOf({ width, height }).height;
  assert.deepEqual([around(1280, 720), around(390, 844)], [bars[0]! + strips[0]!, bars[1]! + strips[1]!]);
  assert.deepEqual([around(400, 450), around(844, 390)], [bars[2]! + strips[2]!, bars[2]! + 8], "low, and a phone lying");
  assert.equal(spaceOf(laptop).width, 1280 - 2 * Number(/--s3: (\d+)px/.exec(tokens)?.[1]));
});

test("two people: one large picture and one voice each way, and the lowest layer that is always sent", () => {
  assert.deepEqual(layers(2, laptop), ["h"]);
  const { up, down } = estimate(2, laptop), encoded = { down: 1_700_000 + 40_000, up: 150_000 + 1_700_000 + 40_000 };
  // Packets, seals and feedback weigh between a twentieth and a seventh of what they carry.
  for (const [is, of] of [[up, encoded.up], [down, encoded.down]] as const) assert.ok(is > 1.05 * of && is < 1.15 * of, `${is} for ${of}`);
  assert.deepEqual([megabits(down), megabits(up)], [2, 2.2]);
});

test("what is small, or on another page, costs little or nothing", () => {
  assert.deepEqual(layers(4, laptop), ["m", "m", "m"]);
  assert.deepEqual([...new Set(layers(16, laptop))], ["l"]);
  assert.equal(layers(300, laptop).length, 25);
  const some = estimate(100, laptop), all = estimate(300, laptop);
  assert.ok(Math.abs(all.down - some.down - 200 * 75_000) < 0.05 * all.down, "two hundred voices more, and no picture");
  assert.deepEqual(layers(10, { width: 390, height: 844, pixelRatio: 3, layout: null }), ["h"], "a phone shows one person");
});

test("a camera of few lines has fewer layers", () => {
  assert.deepEqual([720, 540, 360, 270, 180].map((lines) => layers(2, laptop, lines).join()), ["h", "h", "m", "m", "l"]);
  assert.deepEqual([720, 360, 180].map((lines) => layers(3, laptop, lines).join()), ["m,m", "m,m", "l,l"]);
});

test("a sharper screen is sent larger pictures, another layout others", () => {
  assert.ok(estimate(10, { ...laptop, pixelRatio: 2 }).down > 2 * estimate(10, laptop).down);
  const speaker = layers(6, { ...laptop, layout: "speaker" });
  assert.equal(speaker.filter((l) => l === "h").length, 1);
  assert.ok(speaker.length > 1 && speaker.slice(1).every((l) => l === "l"));
});

test("alone nothing passes; more people never need less of a server, and nobody sends more than all there is", () => {
  assert.deepEqual(estimate(0, laptop), { up: 0, down: 0 });
  assert.deepEqual(estimate(1, laptop), { up: 0, down: 0 });
  // Nine pictures of two packets thirty times a second and nine voices fifty times, for each of ten.
  assert.equal(server(10, laptop).packets, 10 * 9 * (2 * 30 + 50));
  for (const pixelRatio of [1, 2]) for (let n = 3; n < 120; n++) {
    const view = { ...laptop, pixelRatio };
    // What is received beside pictures comes back as feedback.
    assert.ok(estimate(n, view).up <= mostUp + 0.02 * estimate(n, view).down, `${n}`);
    assert.ok(server(n, view).received >= n * 75_000);
  }
});

test("figures are rounded up, to what one can compare with a contract", () => {
  assert.deepEqual([81_000, 2_140_000, 2_200_000, 9_950_000, 17_140_000, 12_000_000].map(megabits), [0.1, 2.2, 2.2, 10, 18, 12]);
});

test("the tables for administrators say what the page says", () => {
  const view: View = { ...laptop, width: 1920, height: 1080 };
  for (const [file, lang] of [["docs/install.md", "en-GB"], ["docs/install.fr.md", "fr-FR"]] as const) {
    const page = text(file), rows = [...page.matchAll(/^\| (\d+) \| (.*) \| (.*) \| (.*) \| \d+ \| \d+ Gi[Bo] \|$/gm)];
    assert.deepEqual(rows.map((r) => Number(r[1])), [2, 5, 10, 25, 50], file);
    const number = (n: number) => n.toLocaleString(lang, { maximumFractionDigits: 2 }).replace(/\s/g, " ");
    for (const [, people, line, all, packets] of rows) {
      const e = estimate(Number(people), view), s = server(Number(people), view);
      assert.deepEqual([line, all, packets],
        [`${number(megabits(e.down))} / ${number(megabits(e.up))}`, `${number(megabits(s.sent))} / ${number(megabits(s.received))}`, number(s.packets)], `${file}, ${people} people`);
    }
    for (const rate of [voice, picture(cameraRates.l), picture(cameraRates.m), picture(cameraRates.h), sharing]) {
      assert.match(page, new RegExp(`[ à]${number(rate / 1e6).replace(".", "\\.")}[,. ]`), file);
    }
    assert.ok(page.replace(/\s/g, " ").includes(number(server(100, view).packets)), file);
  }
});

test("what the organisation lets each be sent is what the meeting needs at most, and it costs pictures, never voices", () => {
  const same = (n: number, b?: { call: number; person: number }) => assert.deepEqual(estimate(n, laptop, undefined, b), estimate(n, laptop), `${n}`);
  same(5, undefined); same(5, { call: 0, person: 0 }); same(5, { call: 0, person: 20_000_000 });
  assert.equal(share(4, { call: 8_000_000, person: 0 }), 2_000_000);
  assert.equal(share(4, { call: 8_000_000, person: 600_000 }), 600_000);
  for (const [n, b] of [[2, { call: 0, person: 800_000 }], [5, { call: 4_000_000, person: 0 }], [25, { call: 50_000_000, person: 1_000_000 }], [10, { call: 0, person: 300_000 }]] as const) {
    const bounded = estimate(n, laptop, undefined, b), free = estimate(n, laptop), voices = (n - 1) * voice;
    assert.ok(bounded.down < free.down && bounded.up <= free.up && bounded.down > voices, `${n}: ${bounded.down} of ${free.down}`);
    assert.ok(bounded.down - 0.03 * bounded.up <= Math.max(share(n, b), voices), `${n}: ${bounded.down} where ${share(n, b)} are let go`);
  }
  assert.ok(Math.abs(estimate(10, laptop, undefined, { call: 0, person: 1 }).down - 9 * voice) < 0.03 * estimate(10, laptop).down, "sound alone");
});
