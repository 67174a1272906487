-- CreateTable
CREATE TABLE "subject_salts" (
    "id" TEXT NOT NULL,
    "salt" TEXT NOT NULL,
    "created_at" BIGINT NOT NULL,

    CONSTRAINT "subject_salts_pkey" PRIMARY KEY ("id")
);
