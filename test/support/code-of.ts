/** The code with which something that was asked for was refused; `done` where it was not. */
export const codeOf = async (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => "done",
    (thrown: unknown) => (thrown as { code: string }).code,
  );
