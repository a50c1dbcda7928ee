/** French has a space inside its quotation marks, at which no line ends: also in what the sentences' functions make. */
export function bind<T>(of: T): T {
  if (typeof of === "string") return of.replace(/« /g, "«\u00a0").replace(/ »/g, "\u00a0»") as T;
  if (typeof of === "function") return ((...given: unknown[]) => bind((of as unknown as (...given: unknown[]) => unknown)(...given))) as T;
  if (Array.isArray(of)) return of.map(bind) as T;
  // Sentences stand in plain objects; anything else is somebody's own.
  if (of === null || typeof of !== "object" || Object.getPrototypeOf(of) !== Object.prototype || Object.hasOwn(of, "constructor")) return of;
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, bind(value)])) as T;
}
