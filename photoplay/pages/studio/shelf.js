// Pictures on their way to the server, in IndexedDB, so that a refresh in between does not lose them.

const STORE = "pictures";
const KEPT_MS = 24 * 3_600_000;
let opened = null;

function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Run one request on the store; undefined where the browser keeps nothing (private windows). */
async function run(act) {
  try {
    if (!opened) {
      const request = indexedDB.open("photoplay", 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      opened = settled(request);
    }
    return await settled(act((await opened).transaction(STORE, "readwrite").objectStore(STORE)));
  } catch {
    return undefined;
  }
}

export const shelve = (id, file) => run((store) => store.put({ file, at: Date.now() }, id));
export const unshelve = (id) => run((store) => store.delete(id));
export const shelved = async (id) => (await run((store) => store.get(id)))?.file;

/** Remove what tabs left behind that were closed too early. */
export async function tidyShelf() {
  for (const id of (await run((store) => store.getAllKeys())) ?? []) {
    const kept = await run((store) => store.get(id));
    if (kept && Date.now() - kept.at > KEPT_MS) unshelve(id);
  }
}
