// Which language an element speaks, and its texts.

import { en, type Texts } from "../texts/en.ts";

/** Sentences in one language, and that language for figures and times. */
export interface Language {
  tag: string;
  texts: Texts;
}

const known = new Map<string, Partial<Texts>>([["en", en]]);
const shipped: Record<string, () => Promise<Partial<Texts>>> = {
  de: async () => (await import("../texts/de.ts")).de,
  es: async () => (await import("../texts/es.ts")).es,
  ja: async () => (await import("../texts/ja.ts")).ja,
};
const loading = new Map<string, Promise<Partial<Texts>>>();

/** Load a language that comes with the elements; all who ask at once wait for the same. */
function load(name: string): Promise<Partial<Texts>> {
  const texts = loading.get(name) ?? (shipped[name]?.() ?? Promise.resolve({})).catch(() => ({}));
  loading.set(name, texts);
  return texts;
}

/** Teach the elements a language, or other words for one; what is left out is said in English. */
export function addTexts(tag: string, texts: Partial<Texts>): void {
  known.set(tag.toLowerCase(), { ...known.get(tag.toLowerCase()), ...texts });
}

/** The language for a tag such as `de-AT`: its own texts, those of `de`, or English. */
export async function languageFor(tag: string): Promise<Language> {
  const names = [tag.toLowerCase(), tag.toLowerCase().split("-")[0] ?? ""];
  for (const name of names) {
    const texts = { ...(await load(name)), ...known.get(name) };
    if (Object.keys(texts).length) return { tag: isLocale(tag) ? tag : name, texts: { ...en, ...texts } };
  }
  return { tag: "en", texts: en };
}

/** Fill the gaps of a sentence. */
export const fill = (text: string, values: Record<string, string | number>): string =>
  text.replace(/\{(\w+)\}/g, (gap, name: string) => String(values[name] ?? gap));

function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch {
    return false;
  }
}
