// What is said: in every language, and no more exactly than it is known.

import assert from "node:assert/strict";
import test from "node:test";
import { Problem } from "../src/logic/api.ts";
import { isLate, timeLeftMs } from "../src/logic/estimate.ts";
import { addTexts, languageFor } from "../src/logic/language.ts";
import { type Situation, wordsFor } from "../src/logic/words.ts";
import { de } from "../src/texts/de.ts";
import { en } from "../src/texts/en.ts";
import { es } from "../src/texts/es.ts";
import { ja } from "../src/texts/ja.ts";
import { jobOf } from "./service.ts";

const situation = (changes: Partial<Situation>): Situation => ({
  state: "running",
  sight: null,
  typicalMs: null,
  problem: null,
  isTroubled: false,
  isCancelling: false,
  nowMs: 0,
  ...changes,
});
const sightOf = (job = jobOf()) => ({ job, seenAtMs: 0 });

test("every language has every sentence, with the same gaps", () => {
  const gaps = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const texts of [de, es, ja]) {
    for (const [name, text] of Object.entries(en)) {
      const said = texts[name as keyof typeof en];
      assert.ok(said.trim(), name);
      assert.deepEqual(gaps(said), gaps(text), name);
    }
  }
});

test("a language is found by its tag, can be added, and falls back to English", async () => {
  // All who ask before it is there get it.
  const asked = await Promise.all([languageFor("de-AT"), languageFor("de"), languageFor("de-AT")]);
  assert.deepEqual(asked.map(({ texts }) => texts.cancel), Array(3).fill(de.cancel));
  assert.equal((await languageFor("xx")).texts.cancel, en.cancel);
  addTexts("ar", { cancel: "إلغاء" });
  const { texts } = await languageFor("ar-EG");
  assert.deepEqual([texts.cancel, texts.play], ["إلغاء", en.play]);
});

test("time left comes from the job's own pace, else from what is typical, else it is not said", () => {
  // Twenty seconds for a quarter of it: sixty are left, ten of which have passed since.
  assert.equal(timeLeftMs(sightOf(jobOf({ progress: 0.25 })), 1, 10_000), 50_000);
  assert.equal(timeLeftMs(sightOf(), 30_000, 5_000), 5_000);
  assert.equal(timeLeftMs(sightOf(), 10_000, 0), null);
  assert.equal(timeLeftMs(sightOf(), null, 0), null);
  assert.ok(isLate(sightOf(), 5_000, 60_000));
  assert.ok(isLate(sightOf(jobOf({ overdue: true })), null, 0));
});

test("a failure says what to do, whether it was charged, and what support asks for", async () => {
  const english = await languageFor("en");
  const words = (code: string, charged: boolean | null, message = "") => {
    const failure = { code, message, retryable: false, charged };
    return wordsFor(situation({ state: "failed", sight: sightOf(jobOf({ status: "failed", failure })) }), english);
  };
  assert.equal(words("content_refused", false).alert, `${en.contentRefused} ${en.notCharged}`);
  assert.equal(words("provider_failed", true).alert, `${en.providerFailed} ${en.charged}`);
  const unknown = words("outcome_unknown", null);
  assert.ok(unknown.alert.includes(en.chargeUnknown));
  assert.equal(unknown.reference, jobOf().id);
  assert.equal(words("of_tomorrow", false, "Something new.").alert, `Something new. ${en.notCharged}`);
});

test("a quota that is used up says when there is more", async () => {
  const problem = new Problem(429, { code: "quota_exceeded", details: { limit: 20, resetsAt: "2026-01-06T09:05:00" } });
  const { alert } = wordsFor(situation({ state: "quota", problem }), await languageFor("de"));
  assert.ok(alert.includes("9:05"), alert);
});
