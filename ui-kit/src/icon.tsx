/** One icon of the sprite (ui-kit/icons.mjs holds the same list; a test compares them). Always decorative: its control carries the name. */
export type IconName =
  | "activity" | "arrow-left" | "arrow-down" | "arrow-up" | "ban" | "calendar-days" | "check" | "chevron-down" | "chevron-left" | "chevron-right"
  | "chevron-up" | "circle-alert" | "circle-stop" | "circle-user-round" | "copy" | "crown" | "download" | "ellipsis" | "eye" | "eye-off"
  | "fingerprint-pattern" | "hand" | "heart" | "house" | "info" | "keyboard" | "languages" | "laptop" | "laugh" | "layout-grid"
  | "layout-panel-top" | "link-2" | "list" | "lock" | "lock-open" | "log-in" | "log-out" | "message-square" | "mic" | "mic-off" | "minimize-2"
  | "monitor" | "monitor-up" | "monitor-x" | "moon" | "party-popper" | "pencil" | "phone-off" | "pin" | "pin-off" | "plus"
  | "printer" | "refresh-cw" | "scroll-text" | "search" | "send-horizontal" | "settings-2" | "shield-check" | "wifi-low" | "smile-plus" | "sparkles" | "star" | "sun"
  | "thumbs-up" | "trash-2" | "triangle-alert" | "unplug" | "user-plus" | "users-round" | "user-x" | "video" | "video-off"
  | "volume-2" | "wifi-off" | "x";

export function Icon({ name, size }: { name: IconName; size?: "s" | "l" }) {
  return (
    <svg class={size ? `icon icon--${size}` : "icon"} aria-hidden="true" focusable="false">
      <use href={`#i-${name}`} />
    </svg>
  );
}
