import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { computeAccents } from "./accent.ts";

const part = fc.integer({ min: 0, max: 255 }).map((value) => value.toString(16).padStart(2, "0"));
const colour = fc.tuple(part, part, part).map((parts) => `#${parts.join("")}`);

/** By the formula of WCAG 2.2, written once more. */
function contrast(one: string, other: string): number {
  const luminance = (text: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((index) => {
      const value = Number.parseInt(text.slice(index, index + 2), 16) / 255;
      return value <= 0.040_45 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test("texts in any accent can be read, on the surfaces of both themes and on the accent itself", () => {
  fc.assert(
    fc.property(colour, (accent) => {
      const { light, dark } = computeAccents(accent);
      for (const surface of ["#ffffff", "#f6f7f9", "#f0f1f4"])
        assert.ok(contrast(light.text, surface) >= 4.5);
      for (const surface of ["#0f1115", "#171a20", "#20242c"]) assert.ok(contrast(dark.text, surface) >= 4.5);
      for (const { fill, onFill } of [light, dark]) assert.ok(contrast(onFill, fill) >= 4.5);
    }),
  );
});

test("an accent that can be read is used as it is", () => {
  assert.equal(computeAccents("#0b7285").light.text, "#0b7285");
  assert.equal(computeAccents("#92a9ff").dark.text, "#92a9ff");
});
