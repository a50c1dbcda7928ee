/** The design language of both UIs: tokens (css), words, and components on native elements. */
export * from "./i18n.ts";
export * from "./theme.ts";
export * from "./storage.ts";
export * from "./icon.tsx";
export * from "./button.tsx";
export * from "./field.tsx";
export * from "./factor.ts";
export * from "./code.tsx";
export * from "./dialog.tsx";
export * from "./menu.tsx";
export * from "./tabs.tsx";
export * from "./table.tsx";
export * from "./notice.tsx";
export * from "./show.tsx";
export * from "./seal.tsx";
export * from "./tooltip.tsx";
export * from "./words.ts";
