export * from "./state.ts";
export { Call } from "./call.ts";
