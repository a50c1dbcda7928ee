import { useComputed } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, copy, Seal } from "@huisclos/ui-kit";
import { callWords } from "../words/call.ts";
import { arrange, wanted, type Placed } from "./arrange.ts";
import { nearest, type Corner, type Space } from "./layout.ts";
import { Tile } from "./tile.tsx";
import { chooseCorner, corner, layout, page, pages, pinned, type Meeting } from "./view.ts";

/** The space between strip and bar, in CSS pixels; it changes with the window and the panel. */
function useSpace() {
  const el = useRef<HTMLDivElement>(null);
  const [space, setSpace] = useState<Space>({ width: 0, height: 0 });
  useEffect(() => {
    if (!el.current) return;
    const watch = new ResizeObserver(([entry]) => {
      if (entry) setSpace({ width: Math.floor(entry.contentRect.width), height: Math.floor(entry.contentRect.height) });
    });
    watch.observe(el.current);
    return () => watch.disconnect();
  }, []);
  return { el, space };
}

export function Tiles({ meeting, link }: { meeting: Meeting; link: string }) {
  const { el, space } = useSpace();
  const t = callWords.value.tile;
  const lastSpeaker = useRef<number | null>(null);
  const people = meeting.people.value;
  const heard = meeting.speaker.value;
  if (heard !== null && people.some((p) => p.leaf === heard && !p.me)) lastSpeaker.current = heard;

  const picture = arrange({ people, layout: layout.value, pinned: pinned.value, speaker: lastSpeaker.current, corner: corner.value, page: page.value }, space);
  useEffect(() => { page.value = picture.page; pages.value = picture.pages; }, [picture.page, picture.pages]);
  const ask = space.width > 0 ? JSON.stringify(wanted(picture.tiles, globalThis.devicePixelRatio)) : "";
  useEffect(() => {
    if (!ask) return;
    // While tiles move the wish would change many times: one message when they stand.
    const timer = setTimeout(() => meeting.setTiles(JSON.parse(ask)), 120);
    return () => clearTimeout(timer);
  }, [ask, meeting]);

  const silent = useComputed(() => (meeting.mic.value.on ? meeting.micLevel.value : 0));
  return (
    <main class="space" id="main" tabIndex={-1}>
      <h1 class="unseen">{callWords.value.meeting(meeting.room.value?.name ?? "")}</h1>
      <div class="space__inner" ref={el}>
        {picture.alone && space.width > 0 && <Alone link={link} />}
        <ul class="tiles" aria-label={t.region}>
          {picture.tiles.filter((tile) => !tile.floats).map((tile) => (
            <Tile key={tile.id} tile={tile} level={tile.person.me ? silent : tile.person.level} ownCamera={meeting.ownCamera.value} reactions={meeting.reactions.value} />
          ))}
        </ul>
        {picture.tiles.filter((tile) => tile.floats).map((tile) => <SelfTile key={tile.id} tile={tile} space={space} meeting={meeting} />)}
      </div>
    </main>
  );
}

function Alone({ link }: { link: string }) {
  const t = callWords.value.tile;
  const [shown, setShown] = useState(false);
  return (
    <div class="alone">
      <Seal state="open" size="l" />
      <h2>{t.alone}</h2>
      <p class="muted">{t.aloneText}</p>
      {shown ? <p class="alone__link code">{link}</p>
        : <Button icon="link-2" onClick={() => void copy(link).then((ok) => { if (!ok) setShown(true); })}>{callWords.value.bar.copyLink}</Button>}
    </div>
  );
}

const moves: Record<string, (c: Corner) => Corner> = {
  ArrowUp: (c) => c.replace("bottom", "top") as Corner,
  ArrowDown: (c) => c.replace("top", "bottom") as Corner,
  ArrowLeft: (c) => c.replace("right", "left") as Corner,
  ArrowRight: (c) => c.replace("left", "right") as Corner,
};

/** The own picture in a corner: dragged with a finger or the mouse, moved with the arrow keys. */
function SelfTile({ tile, space, meeting }: { tile: Placed; space: Space; meeting: Meeting }) {
  const el = useRef<HTMLDivElement>(null);
  const from = useRef<{ x: number; y: number } | null>(null);
  const quiet = useComputed(() => (meeting.mic.value.on ? meeting.micLevel.value : 0));
  const shift = (dx: number, dy: number) => {
    el.current?.style.setProperty("--dx", `${dx}px`);
    el.current?.style.setProperty("--dy", `${dy}px`);
  };
  return (
    <div ref={el} class="self" role="group" aria-label={callWords.value.tile.self} tabIndex={0}
      onPointerDown={(e) => {
        from.current = { x: e.clientX, y: e.clientY };
        el.current?.setPointerCapture(e.pointerId);
        el.current?.classList.add("self--held");
      }}
      onPointerMove={(e) => { if (from.current) shift(e.clientX - from.current.x, e.clientY - from.current.y); }}
      onPointerUp={(e) => {
        if (!from.current) return;
        const { rect } = tile;
        chooseCorner(nearest(rect.x + rect.width / 2 + e.clientX - from.current.x, rect.y + rect.height / 2 + e.clientY - from.current.y, space));
        from.current = null;
        el.current?.classList.remove("self--held");
        shift(0, 0);
      }}
      onPointerCancel={() => { from.current = null; el.current?.classList.remove("self--held"); shift(0, 0); }}
      onKeyDown={(e) => {
        const move = moves[e.key];
        if (!move) return;
        e.preventDefault();
        chooseCorner(move(corner.value));
      }}>
      <Tile as="div" tile={tile} level={quiet} ownCamera={meeting.ownCamera.value} reactions={meeting.reactions.value} />
    </div>
  );
}
