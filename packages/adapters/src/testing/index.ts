/**
 * `@holdfast/adapters/testing`: the stages on which tapes of `@holdfast/core/testing` are played, on a real PostgreSQL server,
 * with this package's driver or your own.
 */
export { type PostgresStagesOptions, postgresStages } from "./postgresStage.ts"
