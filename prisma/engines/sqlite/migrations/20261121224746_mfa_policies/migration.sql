-- CreateTable
CREATE TABLE "mfa_policies" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "policy" TEXT NOT NULL,
    "updated_at" BIGINT NOT NULL
);
