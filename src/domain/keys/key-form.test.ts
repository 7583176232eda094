import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { API_KEY_RANDOM_BYTES, formatApiKey } from "./api-key.ts";
import { type KeyForm, KeyForms, makeKeyOfForm, parseKeyForm, whyNotMade } from "./key-form.ts";

function form(text: string): KeyForm {
  const parsed = parseKeyForm(text);
  assert.ok("pieces" in parsed, JSON.stringify(parsed));
  return parsed;
}

describe("the form of a key", () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ["fc-{hex 32}", `fc-${"0a".repeat(16)}`, true],
    ["fc-{hex 32}", `fc-${"0A".repeat(16)}`, true],
    ["fc-{hex 32}", `fc-${"0a".repeat(15)}0`, false],
    ["fc-{hex 32}", `fc-${"0a".repeat(16)}0`, false],
    ["fc-{hex 32}", `xfc-${"0a".repeat(16)}`, false],
    ["{alnum 32}", "aZ09".repeat(8), true],
    ["{alnum 32}", `${"aZ09".repeat(7)}aZ0-`, false],
    ["{hex 64}", "f".repeat(64), true],
    ["{hex 8}-{hex 4}-{hex 4}-{hex 4}-{hex 12}", "0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", true],
    ["sk_live_{url 20-40}", `sk_live_${"a-_".repeat(8)}`, true],
    ["v1.{alnum 24}", `v1x${"a".repeat(24)}`, false],
  ];
  for (const [text, key, fits] of rows) {
    it(`${text} ${fits ? "fits" : "does not fit"} ${key}`, () => {
      assert.equal(new KeyForms([{ form: form(text) }]).isKnown(key), fits);
    });
  }

  it("is looked for in a text in few steps, however many of its lengths may differ", () => {
    // A regular expression would try the 19 to the power of 8 ways in which these could share the text.
    const many = new KeyForms([{ form: form(`${"{alnum 0-18}".repeat(8)}{alnum 20}`) }]);
    assert.equal(many.isKnown(`${"a".repeat(120)}-`), false);
    assert.equal(many.isKnown("a".repeat(120)), true);
    assert.equal(many.isKnown("a".repeat(19)), false);
  });

  it("fits what a regular expression of it fits", () => {
    const piece = fc.oneof(
      fc.constantFrom("a", "-", "b."),
      fc
        .tuple(fc.constantFrom("hex", "digit", "lower"), fc.nat(2), fc.nat(2))
        .map(([of, least, more]) => `{${of} ${least}-${least + more}}`),
    );
    const classes = { hex: "[0-9A-Fa-f]", digit: "[0-9]", lower: "[a-z0-9]" };
    const text = fc
      .array(fc.constantFrom("a", "b", "1", "-", "."), { maxLength: 7 })
      .map((signs) => signs.join(""));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 5 }), text, (pieces, start) => {
        const whole = pieces.join("");
        const source = whole.replaceAll(
          /\{(\w+) (\d+)-(\d+)\}|\./g,
          (dot, of: keyof typeof classes, least, most) =>
            dot === "." ? "\\." : `${classes[of]}{${least},${most}}`,
        );
        // Forms need chance: the rest of the key has it.
        const key = `${start}${"z".repeat(40)}`;
        const expected = new RegExp(`^${source}[a-z0-9]{40}$`).test(key);
        assert.equal(
          new KeyForms([{ form: form(`${whole}{lower 40}`) }]).isKnown(key),
          expected,
          `${whole} ${key}`,
        );
      }),
      { numRuns: 500 },
    );
  });

  it("is refused with what is wrong", () => {
    const reason = (text: string): string => {
      const parsed = parseKeyForm(text);
      return "reason" in parsed ? parsed.reason : "none";
    };
    for (const text of ["fc-{hex}", "{hex 32", "a b{hex 32}", "{hex 32}|x", "(a+)+{hex 32}"]) {
      assert.match(reason(text), /no text of a key and no class/);
    }
    assert.match(reason("{hex 300}"), /longer than 200/);
    assert.match(reason("{hex 40-32}"), /ends before it begins/);
    assert.match(reason("fc-{digit 6}"), /guessed/);
    assert.match(reason(""), /guessed/);
  });

  it("makes keys that it fits, of enough chance", () => {
    assert.match(whyNotMade(form("{hex 20}")) ?? "", /120 bits/);
    assert.match(whyNotMade(form("{alnum 20-40}")) ?? "", /several lengths/);
    assert.equal(whyNotMade(form("fc-{hex 32}")), undefined);
    fc.assert(
      fc.property(
        fc.constantFrom("fc-{hex 32}", "{alnum 32}", "k.{url 40}", "{lower 30}"),
        fc.nat(),
        (text, seed) => {
          let state = seed + 1;
          const random = (end: number): number => {
            state = (state * 48_271) % 2_147_483_647;
            return state % end;
          };
          const key = makeKeyOfForm(form(text), random);
          assert.ok(new KeyForms([{ form: form(text) }]).isKnown(key), key);
        },
      ),
    );
  });
});

describe("the forms that keys may have", () => {
  const own = formatApiKey("fbx", new Uint8Array(API_KEY_RANDOM_BYTES));

  it("always have ours, whose checksum must be right", () => {
    const forms = new KeyForms([]);
    assert.ok(forms.isKnown(own));
    assert.ok(!forms.isKnown(`${own.slice(0, -1)}${own.endsWith("0") ? "1" : "0"}`));
    assert.equal(new KeyForms([{ form: form("{alnum 32}"), salt: "s" }]).hashedText(own), own);
  });

  it("put the salt of the form before a text that is hashed", () => {
    const forms = new KeyForms([{ form: form("fc-{hex 32}"), salt: "pepper:" }, { form: form("{hex 64}") }]);
    const key = `fc-${"0".repeat(32)}`;
    assert.equal(forms.hashedText(key), `pepper:${key}`);
    assert.equal(forms.hashedText("0".repeat(64)), "0".repeat(64));
    assert.equal(forms.hintOf(key), "fc-...0000");
    assert.equal(forms.hintOf("0".repeat(64)), "...0000");
  });
});
