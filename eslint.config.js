import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

const PURE = ["packages/lifecycle/src/**/*.ts", "packages/access/src/**/*.ts"];

/** The pure core: time, chance and ids are arguments, so that every transition can be replayed and tested. */
const IMPURE_SYNTAX = [
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: "time is an argument here: take `now`",
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: "time is an argument here: take `now`",
  },
  {
    selector: "CallExpression[callee.name='Date']",
    message: "time is an argument here: take `now`",
  },
  {
    selector: "MemberExpression[object.name='Math'][property.name='random']",
    message: "chance is an argument here: take a random number",
  },
  { selector: "AwaitExpression", message: "the core is synchronous" },
  { selector: "ForOfStatement[await=true]", message: "the core is synchronous" },
  { selector: ":function[async=true]", message: "the core is synchronous" },
  {
    selector: "CallExpression[callee.property.name='otherwise']",
    message: "name every case and end with `.exhaustive()`: a new state must fail to compile",
  },
];

const IMPURE_GLOBALS = [
  "process",
  "globalThis",
  "crypto",
  "performance",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "fetch",
].map((name) => ({ name, message: "the core does no I/O and reads no clock" }));

export default defineConfig(
  globalIgnores(["**/node_modules/", ".cache/"]),
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
  },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      eqeqeq: "error",
      "no-console": "error",
      // A number or a boolean in a message reads as expected; what reads badly stays forbidden.
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      // `() => stop()` as a callback and `return refuse(x)` as an early exit are plain; a void value that is used
      // stays an error.
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // `async () => void (await all)` drops a value that the caller has no use for.
      "@typescript-eslint/no-meaningless-void-operator": "off",
      // Clashes with noPropertyAccessFromIndexSignature, which wants the brackets.
      "@typescript-eslint/dot-notation": "off",
      // `type` for data, `interface` for a contract: both read well, the choice is the author's.
      "@typescript-eslint/consistent-type-definitions": "off",
      // A leading underscore says that an argument is there for its position alone.
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
    },
  },
  {
    // They talk to a person: their output is the console.
    files: ["packages/cli/**/*.ts", "scripts/**", "test/bench/**/*.ts", "examples/**/*.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["**/test/**/*.ts"],
    rules: {
      // A stub that does nothing is what a test often needs.
      "@typescript-eslint/no-empty-function": "off",
      // An async function without await is how a test writes a handler of the asynchronous interface.
      "@typescript-eslint/require-await": "off",
    },
  },
  {
    files: PURE,
    rules: {
      "no-restricted-syntax": ["error", ...IMPURE_SYNTAX],
      "no-restricted-globals": ["error", ...IMPURE_GLOBALS],
      "no-restricted-imports": [
        "error",
        { patterns: [{ group: ["node:*"], message: "the core does no I/O" }] },
      ],
    },
  },
  {
    // Plain JavaScript without types: it runs before anything is installed, on Node 18.
    files: ["**/*.{js,mjs,cjs}"],
    languageOptions: {
      ecmaVersion: 2022,
      globals: { console: "readonly", module: "writable", process: "readonly", setTimeout: "readonly" },
    },
    rules: { "no-unused-vars": "error", "no-undef": "error", eqeqeq: "error", "prefer-const": "error" },
  },
);
