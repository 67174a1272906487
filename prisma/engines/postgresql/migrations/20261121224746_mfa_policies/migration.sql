-- CreateTable
CREATE TABLE "mfa_policies" (
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "policy" TEXT NOT NULL,
    "updated_at" BIGINT NOT NULL,

    CONSTRAINT "mfa_policies_pkey" PRIMARY KEY ("id")
);
