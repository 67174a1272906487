-- CreateTable
CREATE TABLE "subject_salts" (
    "id" TEXT NOT NULL PRIMARY KEY,
    "salt" TEXT NOT NULL,
    "created_at" BIGINT NOT NULL
);
