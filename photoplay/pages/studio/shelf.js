// Pictures on their way to the server, in IndexedDB, so that a refresh in between does not lose them.

const STORE = "pictures";
const KEPT_MS = 24 * 3_600_000;

let opened = null;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("photoplay", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/** Run one request on the store; undefined where the browser keeps nothing (private windows). */
async function run(mode, act) {
  try {
    const store = (await open()).transaction(STORE, mode).objectStore(STORE);
    return await new Promise((resolve, reject) => {
      const request = act(store);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  } catch {
    return undefined;
  }
}

export const shelve = (id, file) => run("readwrite", (s) => s.put({ file, at: Date.now() }, id));
export const unshelve = (id) => run("readwrite", (s) => s.delete(id));

export async function shelved(id) {
  return (await run("readonly", (store) => store.get(id)))?.file ?? null;
}

/** Remove what tabs left behind that were closed too early. */
export async function tidyShelf() {
  for (const id of (await run("readonly", (store) => store.getAllKeys())) ?? []) {
    const kept = await run("readonly", (store) => store.get(id));
    if (kept && Date.now() - kept.at > KEPT_MS) await unshelve(id);
  }
}
