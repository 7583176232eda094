/** The parts of a JSON Schema that say what a value may be. */
export interface ValueSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly ValueSchema[];
  readonly allOf?: readonly ValueSchema[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  readonly items?: ValueSchema;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
  readonly additionalProperties?: ValueSchema | boolean;
  readonly required?: readonly string[];
}

/** A value that the schema forbids, and the path of what is wrong in it. */
export interface WrongValue {
  readonly value: unknown;
  readonly path: string;
  readonly why: string;
}

/** Gives the schema that a reference means. */
export type Resolve = (reference: string) => ValueSchema;

/** Values that differ from a right one in one place each: another type, beyond a limit, unknown or missing fields. */
export function* wrongValues(
  schema: ValueSchema,
  right: unknown,
  resolve: Resolve,
  path = "",
): Generator<WrongValue> {
  const plain = flatten(schema, resolve);
  yield* ofAnotherType(plain, path);
  yield* beyondLimits(plain, path);
  if (plain.items !== undefined && Array.isArray(right)) {
    const [first, ...rest]: unknown[] = right;
    for (const wrong of wrongValues(plain.items, first, resolve, `${path}[0]`)) {
      yield { ...wrong, value: [wrong.value, ...rest] };
    }
  }
  if (isRecord(right)) yield* withWrongFields(plain, right, resolve, path);
}

function* withWrongFields(
  schema: ValueSchema,
  right: Readonly<Record<string, unknown>>,
  resolve: Resolve,
  path: string,
): Generator<WrongValue> {
  const { properties = {}, additionalProperties, required = [] } = schema;
  const at = (name: string): string => (path === "" ? name : `${path}.${name}`);
  for (const [name, value] of Object.entries(right)) {
    const field =
      properties[name] ?? (typeof additionalProperties === "object" ? additionalProperties : undefined);
    if (field === undefined) continue;
    for (const wrong of wrongValues(field, value, resolve, at(name))) {
      yield { ...wrong, value: { ...right, [name]: wrong.value } };
    }
  }
  for (const name of required) {
    const { [name]: _, ...rest } = right;
    yield { value: rest, path: at(name), why: "missing" };
  }
  // Whatever the schema says of them: an object with named fields that takes others hides typing errors.
  if (schema.properties !== undefined) {
    yield { value: { ...right, surprise: 1 }, path: at("surprise"), why: "unknown field" };
  }
}

const OF_TYPE: Readonly<Record<string, unknown>> = {
  null: null,
  boolean: true,
  number: 7,
  string: "text",
  array: [],
  object: {},
};

function* ofAnotherType(schema: ValueSchema, path: string): Generator<WrongValue> {
  const types = new Set(typesOf(schema));
  if (types.size === 0) return;
  for (const [type, value] of Object.entries(OF_TYPE)) {
    if (!types.has(type)) yield { value, path, why: `${type} instead of ${[...types].join(" or ")}` };
  }
  if (types.has("number") && types.has("string")) {
    for (const value of ["abc", 1e10, 0.000_000_1, "1e3"]) yield { value, path, why: `amount ${value}` };
  }
}

function* beyondLimits(schema: ValueSchema, path: string): Generator<WrongValue> {
  const { minLength = 0, maxLength, minimum, maximum, maxItems, format } = schema;
  if (schema.enum !== undefined) yield { value: "other", path, why: "not in the list" };
  if (minLength > 0) yield { value: "", path, why: "too short" };
  if (maxLength !== undefined) yield { value: "x".repeat(maxLength + 1), path, why: "too long" };
  if (format === "date-time") yield { value: "tomorrow", path, why: "no time" };
  if (schema.type === "integer") yield { value: 1.5, path, why: "not whole" };
  if (minimum !== undefined) yield { value: minimum - 1, path, why: "too small" };
  if (maximum !== undefined) yield { value: maximum + 1, path, why: "too large" };
  if (maxItems !== undefined && maxItems <= 1000) {
    yield { value: Array.from({ length: maxItems + 1 }, () => "x"), path, why: "too many" };
  }
}

/** The schema with references followed and extensions joined. */
function flatten(schema: ValueSchema, resolve: Resolve): ValueSchema {
  if (schema.$ref !== undefined) return flatten(resolve(schema.$ref), resolve);
  if (schema.allOf === undefined) return schema;
  const parts = schema.allOf.map((part) => flatten(part, resolve));
  return {
    type: "object",
    properties: Object.assign({}, ...parts.map(({ properties }) => properties)),
    required: parts.flatMap(({ required = [] }) => required),
  };
}

function typesOf({ type, anyOf }: ValueSchema): string[] {
  if (anyOf !== undefined) return anyOf.flatMap((part) => typesOf(part));
  return [type ?? []].flat().map((name) => (name === "integer" ? "number" : name));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
