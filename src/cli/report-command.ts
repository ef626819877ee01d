export const reportCommand = async (_a: unknown, _b: unknown): Promise<number> => 0;
