import type { IconName } from "@huisclos/ui-kit";
import { IconButton, Popover, type Opener } from "@huisclos/ui-kit";
import type { ComponentChildren } from "preact";
import { reactionKinds, type ReactionKind } from "../call/state.ts";
import { callWords } from "../words/call.ts";

export const reactionIcons: Record<ReactionKind, IconName> = {
  clap: "party-popper", thumb: "thumbs-up", heart: "heart", laugh: "laugh", wow: "sparkles", yes: "check", no: "x",
};

export function ReactionPicker({ opener, onPick }: { opener: (o: Opener) => ComponentChildren; onPick: (k: ReactionKind) => void }) {
  return (
    <Popover label={callWords.value.bar.react} opener={opener}>
      {(close) => (
        <div class="reactions">
          {reactionKinds.map((k) => <IconButton key={k} name={callWords.value.reactions[k]} icon={reactionIcons[k]} onClick={() => { onPick(k); close(); }} />)}
        </div>
      )}
    </Popover>
  );
}
