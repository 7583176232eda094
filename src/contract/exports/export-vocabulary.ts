import type { RenderContext } from "../contract.ts";
import type { Vocabulary } from "../vocabulary.ts";
import { contextEntries, entry, momentEntries } from "../vocabulary-entries.ts";
import type { ExportFacts, ExportFileFacts } from "./export-wire.ts";

/** An export while an answer about it is rendered. */
export interface ExportAnswerFacts {
  readonly export: ExportFacts;
  readonly context: RenderContext;
}

/** Placeholders of answers about an export. */
export const exportVocabulary: Vocabulary<ExportAnswerFacts> = {
  ...contextEntries<ExportAnswerFacts>(),
  id: entry("the export's id", (facts) => facts.export.id),
  state: entry("its state, `running`", (facts) => facts.export.state),
  match: entry("the match that created it", (facts) => facts.export.endpoint),
  creditType: entry("the credit type that it is charged in", (facts) => facts.export.creditType),
  cost: entry("credits for one record", (facts) => facts.export.cost),
  records: entry("records found so far", (facts) => facts.export.records),
  charged: entry("credits charged; null before", (facts) => facts.export.charged ?? null),
  customerApi: entry("where the customer API answers, `/v1/credits`", (facts) => facts.export.customerApi),
  ...momentEntries<ExportAnswerFacts>("created", "when it was created", (facts) => facts.export.createdMs),
  ...momentEntries<ExportAnswerFacts>(
    "expires",
    "when its files are removed; null while that is not known",
    (facts) => facts.export.expiresMs,
  ),
};

/** One file of an export. */
export interface ExportFileAnswerFacts extends ExportAnswerFacts {
  readonly file: ExportFileFacts;
}

/** Placeholders below `$eachFile`, besides those of the export. */
export const exportFileVocabulary: Vocabulary<ExportFileAnswerFacts> = {
  ...exportVocabulary,
  name: entry("the file's name", (facts) => facts.file.name),
  records: entry("records in the file", (facts) => facts.file.records),
  bytes: entry("its size in bytes", (facts) => facts.file.bytes),
  sha256: entry("its SHA-256, in hex", (facts) => facts.file.sha256),
  link: entry(
    "a path that downloads it without a key for a while; null when the customer API is off",
    (facts) => facts.file.link ?? null,
  ),
};

/** What names a file. */
export interface FileNameFacts {
  readonly exportId: string;
  readonly number: number;
}

/** Placeholders of `fileNames`. */
export const fileNameVocabulary: Vocabulary<FileNameFacts> = {
  number: entry("the file's number in five digits, from `00000`", ({ number }) =>
    String(number).padStart(5, "0"),
  ),
  id: entry("the export's id", ({ exportId }) => exportId),
};
