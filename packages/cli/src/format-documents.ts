import { Document, isScalar, Scalar, visit } from "yaml";

/** YAML with several documents: what `apply -f` reads. The same documents are the same text, to the byte. */
export const formatDocuments = (documents: readonly unknown[]): string =>
  documents.map(formatDocument).join("---\n");

function formatDocument(value: unknown): string {
  // A value that is there twice is written twice.
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_key, node) => {
      if (isScalar<string>(node) && typeof node.value === "string" && node.value.includes("\n"))
        node.type = isBlock(node.value) ? Scalar.BLOCK_LITERAL : Scalar.QUOTE_DOUBLE;
    },
  });
  // A line is as long as it is.
  return document.toString({ lineWidth: 0 });
}

/** Whether a block is read back as it is: blanks before its first word or behind a line are lost there, or change its shape. */
const isBlock = (text: string): boolean =>
  !/^\s|\n\n$/.test(text) &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are the ones that YAML cannot write plainly
  !/[ \t]$|[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\ufeff]/m.test(text);
