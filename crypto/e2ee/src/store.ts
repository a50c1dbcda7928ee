/** This browser's database at this server: keys of devices, and what was seen of the key log. */
const database = "huisclos";

/** account → the device's key. */
export const deviceTable = "devices";
export const logTable = "log";

export function open(): Promise<IDBDatabase> {
  const opening = indexedDB.open(database, 2);
  opening.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion < 1) opening.result.createObjectStore(deviceTable, { keyPath: "account" });
    if (oldVersion < 2) opening.result.createObjectStore(logTable);
  };
  return request(opening);
}

export function request<T>(r: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(r.error ?? new Error("IndexedDB failed"));
  });
}
