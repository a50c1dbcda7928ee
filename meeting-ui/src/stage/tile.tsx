import type { ReadonlySignal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Avatar, Icon, IconButton, LevelRing, tip } from "@huisclos/ui-kit";
import type { Reaction } from "../call/state.ts";
import { callWords } from "../words/call.ts";
import type { Placed } from "./arrange.ts";
import { reactionIcons } from "./reactions.tsx";
import { pinned } from "./view.ts";

/** A picture; its sound is the engine's. A portrait picture in a wide tile stays whole. */
export function Video({ stream, mirror, whole, onShown }: { stream: MediaStream; mirror?: boolean; whole?: boolean; onShown?: (shown: boolean) => void }) {
  const el = useRef<HTMLVideoElement>(null);
  const [portrait, setPortrait] = useState(false);
  useEffect(() => {
    const v = el.current;
    if (!v) return;
    v.srcObject = stream;
    // Refused while the page is hidden: the browser plays it again by itself when it is shown.
    v.play().catch(() => undefined);
    return () => { v.srcObject = null; onShown?.(false); };
  }, [stream]);
  const shape = () => { const v = el.current; if (v?.videoWidth) setPortrait(v.videoHeight > v.videoWidth * 1.1); };
  const shown = () => { shape(); onShown?.(true); };
  const classes = ["picture", mirror && "picture--mirror", whole && "picture--whole", portrait && "picture--portrait"].filter(Boolean).join(" ");
  return <video ref={el} class={classes} muted playsInline autoplay aria-hidden="true" onLoadedData={shown} onResize={shape} />;
}

function place({ rect, covered }: Placed) {
  return {
    "--x": `${rect.x}px`, "--y": `${rect.y}px`, "--w": `${rect.width}px`, "--h": `${rect.height}px`,
    "--start": `${covered?.start ?? 0}px`, "--end": `${covered?.end ?? 0}px`,
  };
}

interface TileProps { tile: Placed; level: ReadonlySignal<number>; ownCamera: MediaStream | null; reactions: readonly Reaction[]; as?: "li" | "div" }

export function Tile({ tile, level, ownCamera, reactions, as: Element = "li" }: TileProps) {
  const { person, kind } = tile;
  /** The first picture is there: until then the name's tile stands, not a black hole. */
  const [shown, setShown] = useState(false);
  const t = callWords.value.tile;
  const stream = kind === "screen" ? person.screenStream : person.me ? ownCamera : person.cam ? person.camera : null;
  const away = !person.connected && !person.me;
  const name = kind === "screen" ? t.screen(person.name) : person.me ? t.you : person.name;
  const pin = pinned.value === tile.id;
  const mine = reactions.filter((r) => r.leaf === person.leaf && kind === "camera").at(-1);
  return (
    <Element class={`tile${tile.main ? " tile--main" : ""}${kind === "screen" ? " tile--screen" : ""}${away ? " tile--away" : ""}`} style={place(tile)}>
      {!(shown && stream) && <div class="tile__blank"><Avatar name={person.name} of={person.account} size="tile" /></div>}
      {stream && !person.refused && <Video stream={stream} mirror={person.me} whole={kind === "screen"} onShown={setShown} />}
      {person.refused && <p class="tile__refused"><Icon name="triangle-alert" /><span>{t.unverified}</span></p>}
      {kind === "camera" && person.mic && <LevelRing level={level} />}
      {mine && <span key={mine.id} class="tile__reaction"><Icon name={reactionIcons[mine.kind]} size="l" /><span class="unseen">{callWords.value.reactions[mine.kind]}</span></span>}
      <p class="tile__name"><span class="cut">{name}</span>{person.guest && kind === "camera" && <span class="tile__guest">{callWords.value.panel.guest}</span>}{away && <span class="tile__state">{t.reconnecting}</span>}</p>
      {kind === "camera" && <States tile={tile} />}
      {!person.me && (
        <span class="tile__acts">
          <IconButton name={pin ? t.unpin(name) : t.pin(name)} icon={pin ? "pin-off" : "pin"} aria-pressed={pin} onClick={() => { pinned.value = pin ? null : tile.id; }} />
        </span>
      )}
    </Element>
  );
}

/** Low right: what one has to know of this person without asking. */
function States({ tile: { person } }: { tile: Placed }) {
  const t = callWords.value.tile;
  const weak = !person.me && (person.quality === "bad" || person.quality === "weak") && person.connected;
  if (person.mic && person.hand === null && !weak) return null;
  return (
    <span class="tile__states">
      {person.hand !== null && <State icon="hand" name={t.hand} lit />}
      {weak && <State icon="wifi-low" name={t.weak} />}
      {!person.mic && <State icon="mic-off" name={t.muted} />}
    </span>
  );
}

function State({ icon, name, lit }: { icon: "hand" | "wifi-low" | "mic-off"; name: string; lit?: boolean }) {
  return <span class={lit ? "tile__icon tile__icon--lit" : "tile__icon"} {...tip(name)}><Icon name={icon} size="s" /><span class="unseen">{name}</span></span>;
}
